using System.Diagnostics;
using System.Globalization;
using NativeLink.Actors.Benchmarks.Rig;

namespace NativeLink.Actors.Benchmarks.Chaos;

/// <summary>
/// The command <c>chaos</c>: a real Bazel builds again and again, by turns on a <c>local</c> with workers in it and on
/// one with workers in processes of their own, while faults drawn from a seed happen. No operation meets more of them
/// than the scheduler has retries, and no outage is longer than the client's patience: every build has to end green,
/// with the outputs of a build without faults, and nothing may be left over. A quick run is over as soon as each fault
/// has happened once to workers in processes of their own.
/// </summary>
internal sealed class ChaosRun(BenchContext context, BazelClient bazel, int seed)
{
    private const double UsualMinutes = 30;
    private const int BuildsInATurn = 3;

    // Together with what a full disk may cost, at most as many as the scheduler's retries.
    private const int MostCostly = ChaosCluster.MaxJobRetries - 3;

    private readonly Random _random = new(seed);
    private readonly ChaosTally _tally = new();
    private readonly HashSet<(bool Separate, ChaosFault Fault)> _seen = [];
    private readonly string _mark = string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessId}-{seed}");
    private SortedDictionary<string, string> _expected = [];
    private readonly HashSet<bool> _complete = [];

    /// <returns>0 when every build was as it has to be.</returns>
    public static async Task<int> RunAsync(BenchContext context, Arguments arguments)
    {
        if (!BazelClient.IsHere)
        {
            Console.WriteLine($"SKIP chaos: {BazelClient.Program} (Debian's bazel-bootstrap) is not installed\n" +
                "0 passed, 0 failed, 1 skipped");
            return 0;
        }
        if (!Environment.IsPrivilegedProcess)
            Console.WriteLine("SKIP chaos, full disks: only root can mount one to fill");
        Console.WriteLine($"seed {arguments.Seed}; the same draws again with --seed {arguments.Seed}");
        await using var bazel = await BazelClient.CreateAsync(context, arguments.Workspace);
        var run = new ChaosRun(context, bazel, arguments.Seed);
        try
        {
            await run.RunAsync(TimeSpan.FromMinutes(arguments.Minutes ?? UsualMinutes));
            Console.WriteLine($"{run._tally}\n{run._tally.Builds} passed, 0 failed");
            return 0;
        }
        catch (InvalidOperationException wrong)
        {
            Console.WriteLine($"{run._tally}\nFAIL {wrong.Message}\n{run._tally.Builds} passed, 1 failed");
            return 1;
        }
    }

    /// <summary>Until the time is over and every fault has happened in both ways.</summary>
    private async Task RunAsync(TimeSpan time)
    {
        await TurnAsync(separate: true, static () => false, faults: false);
        var began = Stopwatch.GetTimestamp();
        if (context.Quick)
            time = TimeSpan.Zero;
        var ways = context.Quick ? 1 : 2;
        for (var separate = true; _complete.Count < ways || Stopwatch.GetElapsedTime(began) < time;
            separate = ways == 1 || !separate)
        {
            var (kind, builds) = (separate, 0);
            await TurnAsync(kind, () => ++builds < BuildsInATurn
                && (!_complete.Contains(kind) || Stopwatch.GetElapsedTime(began) < time), faults: true);
        }
    }

    private async Task TurnAsync(bool separate, Func<bool> goesOn, bool faults)
    {
        await using var cluster = await ChaosCluster.StartAsync(context, separate);
        try
        {
            do
                await BuildAsync(cluster, faults);
            while (goesOn());
            await cluster.EndAsync();
            await ChaosChecks.NothingIsLeftAsync(cluster, _mark);
        }
        finally
        {
            _tally.Add(cluster);
        }
    }

    private async Task BuildAsync(ChaosCluster cluster, bool faults)
    {
        using var ended = new CancellationTokenSource();
        var happening = faults ? HappenAsync(cluster, ended.Token) : Task.FromResult<IReadOnlyList<string>>([]);
        var outcome = await bazel.BuildAsync(cluster.Clients.Address, _mark, _tally.Builds);
        await ended.CancelAsync();
        var happened = await happening;
        var digests = outcome.Code == 0 ? await bazel.DigestsAsync() : [];
        if (!faults)
            _expected = digests;
        var differing = digests.Keys.Union(_expected.Keys)
            .Where(file => digests.GetValueOrDefault(file) != _expected.GetValueOrDefault(file)).ToList();
        var workers = cluster.IsSeparate ? "workers in processes of their own" : "local with its workers";
        var line = string.Create(CultureInfo.InvariantCulture,
            $"{workers}: {outcome.Remote} actions, {digests.Count} outputs, {outcome.Took.TotalSeconds:0} s; " +
            $"{(happened.Count > 0 ? string.Join("; ", happened) : "no fault")}");
        if (outcome.Code != 0)
            throw new InvalidOperationException($"{line}\nbazel ended with {outcome.Code}:\n{outcome.Output}");
        if (differing.Count > 0 || digests.Count == 0)
            throw new InvalidOperationException($"{line}\nother outputs: {string.Join(", ", differing.Take(9))}");
        (_tally.Builds, _tally.Actions) = (_tally.Builds + 1, _tally.Actions + outcome.Remote);
        Console.WriteLine($"ok   {line}");
    }

    /// <summary>One fault after the other, until the build has ended.</summary>
    private async Task<IReadOnlyList<string>> HappenAsync(ChaosCluster cluster, CancellationToken ended)
    {
        var (faults, happened, costly) = (new ChaosFaults(cluster, _random), new List<string>(), 0);
        while (true)
        {
            var quiet = TimeSpan.FromSeconds(2 + (_random.NextDouble() * 3));
            await Task.Delay(context.Quick ? quiet / 5 : quiet, ended)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            var possible = faults.Possible
                .Where(fault => costly < MostCostly || !ChaosFaults.CostsAttempts(fault)).ToList();
            // What has not been yet comes first, so that a short run has all of them.
            var fresh = possible.Where(fault => !_seen.Contains((cluster.IsSeparate, fault))).ToList();
            if (ended.IsCancellationRequested || possible.Count == 0)
                return happened;
            var fault = Draw(fresh.Count > 0 ? fresh : possible);
            costly += ChaosFaults.CostsAttempts(fault) ? 1 : 0;
            happened.Add(await faults.HappenAsync(fault));
            _tally.Add(fault);
            _seen.Add((cluster.IsSeparate, fault));
            if (faults.Possible.All(kind => _seen.Contains((cluster.IsSeparate, kind))))
                _complete.Add(cluster.IsSeparate);
        }
    }

    private ChaosFault Draw(IReadOnlyList<ChaosFault> possible)
    {
        var draw = _random.Next(possible.Sum(ChaosFaults.WeightOf));
        return possible.First(fault => (draw -= ChaosFaults.WeightOf(fault)) < 0);
    }
}
