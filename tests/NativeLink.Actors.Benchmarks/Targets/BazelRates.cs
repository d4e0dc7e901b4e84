using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using NativeLink.Actors.Benchmarks.Reporting;
using NativeLink.Actors.Benchmarks.Rig;

namespace NativeLink.Actors.Benchmarks.Targets;

/// <summary>
/// T10: tiny actions through Bazel on <c>local</c> with two in flight, against Bazel's own
/// remote-execution test server in the same run.
/// </summary>
internal static partial class BazelRates
{
    private const int TinyActions = 551;
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(30);

    public static async Task<IReadOnlyList<Finding>> MeasureAsync(BenchContext context)
    {
        var scripts = Path.Combine(context.Repository, "tests/NativeLink.Actors.EndToEnd/bazel");
        Require(scripts);
        var reference = FreePort();
        var environment = new Dictionary<string, string>
        {
            ["BZ_WORK"] = context.NewDirectory("bazel"),
            ["BZ_REF"] = context.NewDirectory("reference"),
            ["ROUNDS"] = "3",
        };
        var (code, log) = await BenchContext.RunAsync(
            "bash", [Path.Combine(scripts, "reference-server.sh"), "start", $"{reference}"], Limit, environment);
        var hasReference = code == 0;
        try
        {
            await using var local = await ServerProcess.StartLocalAsync(
                context, "--workers", "1", "--max-inflight", "2");
            string[] endpoints = [$"ours=grpc://{local.Client}",
                .. hasReference ? [$"reference=grpc://127.0.0.1:{reference}"] : Array.Empty<string>()];
            var before = local.CpuTime();
            var (ran, output) = await BenchContext.RunAsync(
                "bash", [Path.Combine(scripts, "rates.sh"), .. endpoints], Limit, environment);
            if (ran != 0)
                throw new CannotMeasureException($"rates.sh failed: {output.Trim()}");
            return Report(output, (local.CpuTime() - before).TotalMilliseconds, hasReference ? null : log.Trim());
        }
        finally
        {
            if (hasReference)
                await BenchContext.RunAsync(
                    "bash", [Path.Combine(scripts, "reference-server.sh"), "stop", $"{reference}"], Limit, environment);
        }
    }

    private static List<Finding> Report(string output, double cpuMilliseconds, string? withoutReference)
    {
        var runs = Result().Matches(output).Select(match =>
            (Name: match.Groups[1].Value, Rate: Number(match.Groups[2]), Chain: Number(match.Groups[3]))).ToList();
        var ours = runs.Where(run => run.Name == "ours").ToList();
        if (ours.Count == 0)
            throw new CannotMeasureException($"no figures in the output of rates.sh: {output.Trim()}");
        var (rate, chain) = (Median(ours.Select(run => run.Rate)), Median(ours.Select(run => run.Chain)));
        // A round is all tiny actions and a chain of 50; one more was the warm-up.
        var cpu = cpuMilliseconds / (ours.Count * (TinyActions + 50) + 1);
        var lines = new List<Finding> { Finding.Against("Bazel, CPU an action in our process", cpu, 6, "ms") };
        var others = runs.Where(run => run.Name == "reference").ToList();
        if (others.Count == 0)
        {
            lines.Add(
                Finding.NotMeasured(
                    $"Bazel, tiny actions {Finding.Text(rate, "/s")}, chain {Finding.Text(chain, "ms")}",
                    $"the reference server does not run: {withoutReference}"));
            return lines;
        }
        var (otherRate, otherChain) = (Median(others.Select(run => run.Rate)), Median(others.Select(run => run.Chain)));
        lines.Add(Finding.OfFloor("Bazel, tiny actions, against its reference server", rate, otherRate, 1.5, "/s",
            least: true));
        lines.Add(Finding.OfFloor("Bazel, each action of a chain, against its reference server", chain, otherChain, 0.5,
            "ms"));
        return lines;
    }

    private static void Require(string scripts)
    {
        var missing = new List<string>();
        if (!File.Exists(Path.Combine(scripts, "rates.sh")))
            missing.Add(Path.Combine(scripts, "rates.sh"));
        var path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':');
        missing.AddRange(new[] { "bazel", "bash" }.Where(
            program => !path.Any(directory => File.Exists(Path.Combine(directory, program)))));
        if (missing.Count > 0)
            throw new CannotMeasureException($"missing: {string.Join(", ", missing)}");
    }

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    private static double Median(IEnumerable<double> values) =>
        values.Order().ToArray() is var sorted ? sorted[sorted.Length / 2] : 0;

    private static double Number(Group group) => double.Parse(group.Value, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^(\S+)\s+([\d.]+) tiny actions/s\s+([\d.]+) ms", RegexOptions.Multiline)]
    private static partial Regex Result();
}
