using OxyPlot;
using OxyPlot.Axes;
using OxyPlot.Legends;
using OxyPlot.Series;

namespace NativeLink.Actors.Benchmarks.Plots;

/// <summary>One line of a plot.</summary>
internal sealed record Curve(string Name, IReadOnlyList<(double X, double Y)> Points);

/// <summary>What the axes of a plot say; <paramref name="LogX"/> and <paramref name="LogY"/>: powers of ten.</summary>
internal sealed record Axes(string X, string Y, bool LogX, bool LogY);

/// <summary>Draws curves into an SVG file.</summary>
internal static class Plot
{
    private const double Width = 720;
    private const double Height = 440;
    private const int FewCurves = 4;
    private const int FewPoints = 30;

    // Colours that people with any kind of colour vision tell apart (Okabe and Ito); the markers differ too.
    private static readonly OxyColor[] Colours =
    [
        OxyColor.FromRgb(0, 114, 178), OxyColor.FromRgb(213, 94, 0), OxyColor.FromRgb(0, 158, 115), OxyColor.FromRgb(
            204, 121, 167),
        OxyColor.FromRgb(230, 159, 0), OxyColor.FromRgb(86, 180, 233), OxyColor.FromRgb(0, 0, 0),
    ];
    private static readonly MarkerType[] Markers = [MarkerType.Circle, MarkerType.Square, MarkerType.Triangle,
        MarkerType.Diamond];

    public static void Write(string file, string title, string subtitle, Axes axes, IReadOnlyList<Curve> curves)
    {
        var model = new PlotModel
        {
            Title = title,
            Subtitle = subtitle,
            TitleFontSize = 15,
            SubtitleFontSize = 11,
            DefaultFontSize = 13,
            Background = OxyColors.White,
            PlotAreaBorderColor = OxyColors.Gray,
        };
        var all = curves.SelectMany(static curve => curve.Points).ToList();
        model.Axes.Add(Make(AxisPosition.Bottom, axes.X, axes.LogX, all.Select(static point => point.X)));
        model.Axes.Add(Make(AxisPosition.Left, axes.Y, axes.LogY, all.Select(static point => point.Y)));
        model.Legends.Add(new Legend
        {
            // More than a few would hide what they name.
            LegendPlacement = curves.Count > FewCurves ? LegendPlacement.Outside : LegendPlacement.Inside,
            LegendPosition = curves.Count > FewCurves ? LegendPosition.BottomCenter : LegendPosition.TopLeft,
            LegendOrientation = curves.Count > FewCurves ? LegendOrientation.Horizontal : LegendOrientation.Vertical,
            LegendBackground = OxyColor.FromAColor(220, OxyColors.White),
            LegendBorder = OxyColors.LightGray,
        });
        foreach (var (i, curve) in curves.Index())
        {
            var colour = Colours[i % Colours.Length];
            var line = new LineSeries
            {
                Title = curve.Name,
                Color = colour,
                StrokeThickness = 2,
                MarkerType = curve.Points.Count > FewPoints ? MarkerType.None : Markers[i % Markers.Length],
                MarkerSize = 4.5,
                MarkerFill = colour,
            };
            line.Points.AddRange(curve.Points.Select(static point => new DataPoint(point.X, point.Y)));
            model.Series.Add(line);
        }
        using var stream = File.Create(file);
        new SvgExporter
        {
            Width = Width,
            Height = Height,
            UseVerticalTextAlignmentWorkaround = true,
            TextMeasurer = new RoomyMeasurer(),
        }.Export(model, stream);
    }

    private static Axis Make(AxisPosition position, string title, bool log, IEnumerable<double> values)
    {
        var (least, most) = (values.Min(), values.Max());
        Axis axis = log
            ? new LogarithmicAxis
            {
                Minimum = least / 1.5,
                Maximum = most * (position == AxisPosition.Bottom ? 1.5 : 4),
                StringFormat = "#,0.###"
            }
            : new LinearAxis
            {
                Minimum = 0,
                Maximum = most * (position == AxisPosition.Bottom ? 1.05 : 1.3),
                StringFormat = "#,0.###"
            };
        (axis.Position, axis.Title, axis.AxisTitleDistance) = (position, title, 10);
        (axis.MajorGridlineStyle, axis.MajorGridlineColor) = (LineStyle.Solid, OxyColor.FromRgb(225, 225, 225));
        return axis;
    }

    /// <summary>
    /// The font that a reader's machine takes instead
    /// of Arial may be wider: nothing is cut off then.
    /// </summary>
    private sealed class RoomyMeasurer() : PdfRenderContext(Width, Height, OxyColors.White)
    {
        public override OxySize MeasureText(string text, string fontFamily, double fontSize, double fontWeight)
        {
            var size = base.MeasureText(text, fontFamily, fontSize, fontWeight);
            return new OxySize(size.Width * 1.6, size.Height * 1.35);
        }
    }
}
