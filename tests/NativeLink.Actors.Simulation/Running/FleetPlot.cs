using System.Globalization;
using System.Text;

namespace NativeLink.Actors.Simulation.Running;

/// <summary>
/// Three panels over the rate of faults, in SVG that follows its reader's light or dark. Lines differ by marker too.
/// </summary>
internal static class FleetPlot
{
    private const int Width = 980;
    private const int Height = 350;
    private const int PanelWidth = 240;
    private const int PanelHeight = 200;
    private const int PanelLeft = 70;
    private const int PanelTop = 76;
    private const int PanelPitch = 315;

    // Colours that people with any kind of colour vision tell apart (Okabe and Ito), on white and on near black.
    private const string Style = """
        svg { background: #ffffff; font: 12px sans-serif; }
        text { fill: #1f1f1f; }
        .title { font-size: 15px; font-weight: bold; }
        .head { font-size: 13px; font-weight: bold; }
        .grid { stroke: #dddddd; } .axis { stroke: #666666; }
        .line { fill: none; stroke-width: 2; }
        .c0 { stroke: #0072b2; } .f0 { fill: #0072b2; }
        .c1 { stroke: #d55e00; } .f1 { fill: #d55e00; }
        .c2 { stroke: #009e73; } .f2 { fill: #009e73; }
        @media (prefers-color-scheme: dark) {
          svg { background: #16181c; }
          text { fill: #e6e6e6; }
          .grid { stroke: #34373d; } .axis { stroke: #9a9a9a; }
          .c0 { stroke: #56b4e9; } .f0 { fill: #56b4e9; }
          .c1 { stroke: #ff8c42; } .f1 { fill: #ff8c42; }
          .c2 { stroke: #2fd0a0; } .f2 { fill: #2fd0a0; }
        }
        """;

    /// <returns>A whole SVG document.</returns>
    public static string Draw(IReadOnlyList<FleetRow> rows, string title)
    {
        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture, $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {Width} ")
            .Append(CultureInfo.InvariantCulture, $"{Height}\" width=\"{Width}\" height=\"{Height}\" role=\"img\">\n")
            .Append(CultureInfo.InvariantCulture, $"<title>{title}</title>\n<style>\n{Style}\n</style>\n");
        Text(svg, PanelLeft, 26, title, "title");
        var most = rows.Max(static row => row.Rate);
        Draw(svg, new Panel("Slots with a running process, %", 0, most, 0, 100, 20, false),
            [new Line("running", [.. rows.Select(static row => (row.Rate, row.Use * 100))])]);
        var (low, high) = Decades(rows);
        Draw(svg, new Panel("Wait in the queue, s", 1, most, low, high, 1, true),
        [
            new Line("median", [.. rows.Select(static row => (row.Rate, row.Median))]),
            new Line("95th percentile", [.. rows.Select(static row => (row.Rate, row.NinetyFifth))]),
            new Line("longest", [.. rows.Select(static row => (row.Rate, row.Longest))]),
        ]);
        var step = StepOf(rows.Max(static row => row.RetriesPerHundred));
        var top = step * Math.Max(1, Math.Ceiling(rows.Max(static row => row.RetriesPerHundred) / step));
        Draw(svg, new Panel("Retries of 100 operations", 2, most, 0, top, step, false),
            [new Line("retries", [.. rows.Select(static row => (row.Rate, row.RetriesPerHundred))])]);
        return svg.Append("</svg>\n").ToString();
    }

    private static void Draw(StringBuilder svg, Panel panel, IReadOnlyList<Line> lines)
    {
        Text(svg, panel.Left, PanelTop - 22, panel.Title, "head");
        for (var y = panel.Low; y <= panel.High + 1e-9; y += panel.Step)
        {
            var at = PanelTop + (PanelHeight * (1 - ((y - panel.Low) / (panel.High - panel.Low))));
            Stroke(svg, panel.Left, at, panel.Left + PanelWidth, at, "grid");
            Text(svg, panel.Left - 8, at + 4, Number(panel.IsLog ? Math.Pow(10, y) : y), "", "end");
        }
        for (var x = 0.0; x <= panel.MostX; x++)
        {
            var at = panel.Left + (PanelWidth * x / panel.MostX);
            Stroke(svg, at, PanelTop + PanelHeight, at, PanelTop + PanelHeight + 5, "axis");
            Text(svg, at, PanelTop + PanelHeight + 19, Number(x), "", "middle");
        }
        Stroke(svg, panel.Left, PanelTop + PanelHeight, panel.Left + PanelWidth, PanelTop + PanelHeight, "axis");
        Stroke(svg, panel.Left, PanelTop, panel.Left, PanelTop + PanelHeight, "axis");
        Text(svg, panel.Left + (PanelWidth / 2), PanelTop + PanelHeight + 37, "faults, × the usual rate", "",
            "middle");
        foreach (var (i, line) in lines.Index())
            Draw(svg, panel, line, i, lines.Count > 1);
    }

    private static void Draw(StringBuilder svg, Panel panel, Line line, int number, bool named)
    {
        var points = line.Points.Select(point => (X: panel.Left + (PanelWidth * point.X / panel.MostX),
            Y: PanelTop + (PanelHeight * (1 - panel.Share(point.Y))))).ToList();
        svg.Append(CultureInfo.InvariantCulture, $"<polyline class=\"line c{number}\" points=\"")
            .AppendJoin(' ', points.Select(static point => $"{Round(point.X)},{Round(point.Y)}")).Append("\"/>\n");
        foreach (var (x, y) in points)
            Mark(svg, x, y, number);
        if (!named)
            return;
        var left = panel.Left + (number == 0 ? 0 : number == 1 ? 72 : 186);
        Mark(svg, left + 5, PanelTop + PanelHeight + 58, number);
        Text(svg, left + 14, PanelTop + PanelHeight + 62, line.Name, "");
    }

    private static void Mark(StringBuilder svg, double x, double y, int number)
    {
        var (left, right, top, bottom) = (Round(x - 4), Round(x + 4), Round(y - 4), Round(y + 4));
        svg.Append(number switch
        {
            0 => $"<circle class=\"f0\" cx=\"{Round(x)}\" cy=\"{Round(y)}\" r=\"4\"/>\n",
            1 => $"<rect class=\"f1\" x=\"{left}\" y=\"{top}\" width=\"8\" height=\"8\"/>\n",
            _ => $"<path class=\"f2\" d=\"M{Round(x)} {top}L{right} {bottom}L{left} {bottom}Z\"/>\n",
        });
    }

    private static void Stroke(StringBuilder svg, double x1, double y1, double x2, double y2, string style) =>
        svg.Append($"<line class=\"{style}\" x1=\"{Round(x1)}\" y1=\"{Round(y1)}\" x2=\"{Round(x2)}\" ")
            .Append($"y2=\"{Round(y2)}\"/>\n");

    private static void Text(
        StringBuilder svg, double x, double y, string text, string style, string anchor = "start") =>
        svg.Append($"<text class=\"{style}\" x=\"{Round(x)}\" y=\"{Round(y)}\" text-anchor=\"{anchor}\">")
            .Append($"{text}</text>\n");

    /// <summary>The powers of ten around all waits; what is below a millisecond counts as one.</summary>
    private static (double Low, double High) Decades(IReadOnlyList<FleetRow> rows)
    {
        var low = rows.Min(static row => Math.Log10(Math.Max(row.Median, Panel.LeastWait)));
        var high = rows.Max(static row => Math.Log10(Math.Max(row.Longest, Panel.LeastWait)));
        return (Math.Floor(low), Math.Max(Math.Floor(low) + 1, Math.Ceiling(high)));
    }

    /// <summary>Such that there are four to ten of them: 1, 2 or 5 times a power of ten.</summary>
    private static double StepOf(double most)
    {
        var power = Math.Pow(10, Math.Floor(Math.Log10(Math.Max(most, 1))));
        return power * ((most / power) switch { < 2 => 0.2, < 5 => 0.5, _ => 1 });
    }

    private static string Round(double value) => value.ToString("0.#", CultureInfo.InvariantCulture);

    private static string Number(double value) => value.ToString("#,0.###", CultureInfo.InvariantCulture);

    private sealed record Line(string Name, IReadOnlyList<(double X, double Y)> Points);

    /// <param name="Title">What it shows.</param>
    /// <param name="Index">Its place, from the left.</param>
    /// <param name="MostX">Its right end; the left one is 0.</param>
    /// <param name="Low">Its lower end; of a logarithmic one the power of ten.</param>
    /// <param name="High">Its upper end, likewise.</param>
    /// <param name="Step">Between two lines of its grid.</param>
    /// <param name="IsLog">Powers of ten.</param>
    private sealed record Panel(
        string Title, int Index, double MostX, double Low, double High, double Step, bool IsLog)
    {
        public const double LeastWait = 0.001;

        public double Left => PanelLeft + (Index * PanelPitch);

        public double Share(double value) =>
            ((IsLog ? Math.Log10(Math.Max(value, LeastWait)) : value) - Low) / (High - Low);
    }
}
