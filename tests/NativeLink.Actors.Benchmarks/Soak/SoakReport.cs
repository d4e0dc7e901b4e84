using System.Globalization;
using System.Text;
using NativeLink.Actors.Benchmarks.Plots;
using NativeLink.Actors.Benchmarks.Reporting;

namespace NativeLink.Actors.Benchmarks.Soak;

/// <summary>What a soak found, as a page with a plot for each subject; nothing without a directory.</summary>
internal sealed class SoakReport(Arguments arguments)
{
    private readonly StringBuilder _text = new();

    public void Add(string name, IReadOnlyList<SoakSample> samples, IReadOnlyList<(bool Holds, string Line)> verdicts)
    {
        if (arguments.Out is null || samples.Count < 3)
            return;
        var plot = $"{Name}-{name}.svg";
        Directory.CreateDirectory(arguments.Out);
        WritePlot(Path.Combine(arguments.Out, plot), name, samples);
        _text.Append(CultureInfo.InvariantCulture, $"## {Title(name)}\n\n```\n");
        foreach (var (_, line) in verdicts)
            _text.Append(line).Append('\n');
        _text.Append(CultureInfo.InvariantCulture,
            $"```\n\nAt first and at last:\n\n```\n{samples[0]}\n{samples[^1]}\n```\n");
        _text.Append(CultureInfo.InvariantCulture, $"\n![{Title(name)}]({plot})\n\n");
    }

    public void Write(int count)
    {
        if (arguments.Out is null || _text.Length == 0)
            return;
        var file = Path.Combine(arguments.Out, $"{Name}.md");
        var user = arguments.User ? "; the process as uid 1000" : "";
        File.WriteAllText(file, string.Create(CultureInfo.InvariantCulture,
            $"""
            # Soak: {count:N0} actions of mixed kinds

            {DateTime.UtcNow:yyyy-MM-dd}, {Machine.Describe()}{user}; seed {arguments.Seed}.

            {SoakSubject.Inflight} in flight, each answer checked. Flat is what, after the first ten thousand actions, is
            at most a tenth more at the end (of what is counted also four more), by the medians of the first and the last
            third of the samples.

            {_text.ToString().TrimEnd()}

            """));
        Console.WriteLine($"report: {file}");
    }

    private string Name => arguments.User ? "soak-user" : "soak";

    private static string Title(string name) =>
        name == SoakSubject.Local ? "local with its worker" : "a worker in a process of its own";

    private static void WritePlot(string file, string name, IReadOnlyList<SoakSample> samples)
    {
        // All on one axis: each as a share of the most that there was of it.
        Curve Share(string what, string unit, Func<SoakSample, double> figure)
        {
            var most = Math.Max(samples.Max(figure), 1e-9);
            return new Curve(string.Create(CultureInfo.InvariantCulture, $"{what}, at most {most:0.#}{unit}"),
                [.. samples.Select(sample => ((double)sample.Actions, figure(sample) / most * 100))]);
        }
        Plot.Write(file, string.Create(CultureInfo.InvariantCulture,
            $"{samples[^1].Actions:N0} actions of mixed kinds: {Title(name)}"),
            $"in percent of the most that there was of it; the log grows by design; {DateTime.UtcNow:yyyy-MM-dd}",
            new Axes("actions", "% of the most", LogX: false, LogY: false),
            [
                Share("resident memory", " MB", static s => s.Megabytes),
                Share("descriptors", "", static s => s.Descriptors),
                Share("threads", "", static s => s.Threads),
                Share("mounts", "", static s => s.Mounts),
                Share("groups", "", static s => s.Groups),
                Share("disk", " MB", static s => s.DiskMegabytes),
                Share("log", " MB", static s => s.LogMegabytes),
            ]);
    }
}
