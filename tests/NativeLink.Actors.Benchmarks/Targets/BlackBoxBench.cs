using System.Globalization;
using System.Text.RegularExpressions;
using NativeLink.Actors.Benchmarks.Floors;
using NativeLink.Actors.Benchmarks.Reporting;
using NativeLink.Actors.Benchmarks.Rig;

namespace NativeLink.Actors.Benchmarks.Targets;

/// <summary>
/// T11: <c>tests/BlackBox/worker_bench.py</c> with the published worker and the CAS of
/// <c>local</c>: whole actions, remote calls included. The script's own ceiling is measured with a
/// worker that answers at once.
/// </summary>
internal static class BlackBoxBench
{
    private const string Python = "/usr/bin/python3";
    private const int Files = 10_000;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(30);

    /// <summary>What the script printed about our worker, for the table that stands beside NativeLink's.</summary>
    public static string Printed { get; private set; } = "";

    public static async Task<IReadOnlyList<Finding>> MeasureAsync(BenchContext context)
    {
        await NeedPythonAsync();
        var volume = await context.VolumeAsync("ext4");
        await using var cas = await ServerProcess.StartLocalIn(
            volume.NewDirectory("t11-cas"), context, "--workers", "0");
        var instant = await RunAsync(context, volume, cas,
            $"{Environment.ProcessPath} {ServerProcess.InstantWorkerCommand}", "noop", "rate");
        Printed = await RunAsync(context, volume, cas, context.Binary, context.Quick
            ? ["floors", "noop", "rate", "trees"]
            : ["*"]);
        return [.. Small(instant), .. Trees(volume), .. Big(context)];
    }

    /// <summary>The figures of one run with small actions and trees, by what the script calls them.</summary>
    public static async Task<IReadOnlyList<(string What, string Unit, double Value)>> SampleAsync(BenchContext context)
    {
        await NeedPythonAsync();
        var volume = await context.VolumeAsync("ext4");
        await using var cas = await ServerProcess.StartLocalIn(
            volume.NewDirectory("t11-cas"), context, "--workers", "0");
        var text = await RunAsync(context, volume, cas, context.Binary, "noop", "rate", "trees");
        string[] medians = ["no-op, one at a time", "1,000 inputs, warm", "10,000 inputs, warm",
            "10,000 inputs, one file changed", "10,000 inputs, cold"];
        return
        [
            .. medians.Select(what => (what, "ms", Median(what, text))),
            ("no-op, 8 in flight", "/s", Value(Rate, "no-op", text)),
            ("no-op, 8 in flight, CPU an action", "ms", Value(Cpu, "no-op", text)),
        ];
    }

    private static async Task NeedPythonAsync()
    {
        if (!File.Exists(Python)
            || (await BenchContext.RunAsync(Python, ["-c", "import grpc, google.protobuf"], Limit)).Code != 0)
            throw new CannotMeasureException($"{Python} with python3-grpcio and python3-protobuf is missing");
    }

    private static IEnumerable<Finding> Small(string instant)
    {
        yield return Finding.Against("no-op, one at a time", Median("no-op, one at a time"), 6, "ms",
            Ceiling(Median("no-op, one at a time", instant), "ms"));
        yield return Finding.Against("no-op, 8 in flight", Value(Rate, "no-op"), 300, "/s",
            Ceiling(Value(Rate, "no-op", instant), "/s"), least: true);
        yield return Finding.Against("no-op, 8 in flight, CPU an action", Value(Cpu, "no-op"), 3, "ms");
        yield return new Finding("one small output, 8 in flight", Finding.Text(Value(Rate, "small output"), "/s"));
    }

    private static IEnumerable<Finding> Trees(Volume volume)
    {
        var bare = volume.NewDirectory("t11-floor");
        var floors = new Sample();
        for (var pass = 0; pass < 3; pass++)
        {
            floors.Add(Sample.Time(() =>
            {
                BareTree.Write(Path.Combine(bare, $"files-{pass}"), Files, "t11");
                BareTree.Link(Path.Combine(bare, $"files-{pass}"), Path.Combine(bare, $"tree-{pass}"), Files);
            }));
        }
        yield return Finding.Against("1,000 inputs, warm", Median("1,000 inputs, warm"), 8, "ms");
        yield return Finding.Against("10,000 inputs, warm", Median("10,000 inputs, warm"), 12, "ms");
        yield return Finding.Against("10,000 inputs, one file changed", Median("10,000 inputs, one file changed"), 20,
            "ms");
        yield return Finding.OfFloor("10,000 inputs, cold", Median("10,000 inputs, cold"), floors.Median, 2, "ms",
            $"one pass; written and linked locally {floors}");
    }

    private static IEnumerable<Finding> Big(BenchContext context)
    {
        if (context.Quick)
            yield break;
        yield return Finding.Against("upload of a 1 GiB output", Value(@"^1 GiB output: .*upload ([\d.]+) ms") / 1000,
            4, "s");
        yield return Finding.Against("memory added by 1 GiB of stdout",
            Value(@"^1 GiB of stdout: .*peak ([\d.]+) MB") - Value(@"^1 GiB of stdout: .*memory ([\d.]+) "), 32, "MB");
    }

    private static async Task<string> RunAsync(
        BenchContext context, Volume volume, ServerProcess cas, string worker, params string[] parts)
    {
        var environment = new Dictionary<string, string>
        {
            ["WORKER"] = worker,
            ["CAS"] = cas.Client,
            ["KIT_DIR"] = volume.NewDirectory("t11"),
            ["PYTHONDONTWRITEBYTECODE"] = "1",
        };
        var (code, output) = await BenchContext.RunAsync(
            Python, [Path.Combine(context.Repository, "tests/BlackBox/worker_bench.py"), .. parts], Limit, environment);
        return code == 0 && !output.Contains("FAILED", StringComparison.Ordinal)
            ? output
            : throw new CannotMeasureException($"worker_bench.py failed: {output.Trim()}");
    }

    private static string Ceiling(double value, string unit) =>
        $"the script's own ceiling, with an instant answer: {Finding.Text(value, unit)}";

    private static string Rate => @"^rate, {0}, 8 in flight: ([\d.]+) actions/s";

    private static string Cpu => @"^rate, {0}, 8 in flight: .*worker CPU ([\d.]+) ms";

    private static double Median(string what, string? text = null) =>
        Value($"^{Regex.Escape(what)}: min .* median ([\\d.]+) ", "", text);

    private static double Value(string pattern, string what = "", string? text = null)
    {
        var match = Regex.Match(text ?? Printed, pattern.Replace("{0}", what, StringComparison.Ordinal),
            RegexOptions.Multiline);
        return match.Success
            ? double.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture)
            : throw new CannotMeasureException($"worker_bench.py printed nothing like {pattern}");
    }
}
