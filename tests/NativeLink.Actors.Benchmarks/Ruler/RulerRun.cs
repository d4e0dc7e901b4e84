using System.Globalization;
using NativeLink.Actors.Benchmarks.Reporting;
using NativeLink.Actors.Benchmarks.Rig;

namespace NativeLink.Actors.Benchmarks.Ruler;

/// <summary>
/// The command <c>ruler</c>: the same set on this tree and on a named commit, in pairs one right
/// after the other, with new processes each time; which of the two comes first alternates.
/// </summary>
internal static class RulerRun
{
    /// <returns>0 when everything could be measured, whatever came out; else 1.</returns>
    public static async Task<int> RunAsync(BenchContext context, Arguments arguments)
    {
        var (against, pairs) = (arguments.Against!, arguments.Pairs ?? (context.Quick ? 8 : 20));
        var before = context.With(await BuildAsync(context, against), "before");
        var after = context.With(context.Binary, "after");
        var sockets = context.NewDirectory("sockets");
        Environment.SetEnvironmentVariable("DOTNET_STARTUP_HOOKS", typeof(RulerRun).Assembly.Location);
        Environment.SetEnvironmentVariable(StartupHook.Directory, sockets);
        var whyNot = await SystemCalls.WhyNotAsync();
        if (whyNot is not null)
            Console.WriteLine($"skipped: system calls: {whyNot}");
        var table = new RulerTable(against, pairs);
        foreach (var gauge in Gauges(new ActionGauges(sockets, whyNot is null))
            .Where(gauge => arguments.Words.Count == 0 || arguments.Words.Contains(gauge.Name)))
        {
            try
            {
                for (var pair = 0; pair < pairs; pair++)
                    await PairAsync(gauge, pair, before, after, table);
            }
            catch (Exception error) when (error is not OutOfMemoryException)
            {
                table.Broke(gauge.Name, error);
            }
            foreach (var line in table.Lines(gauge.Name))
                Console.WriteLine(line);
        }
        if (arguments.Out is { } directory)
            await File.WriteAllTextAsync(Path.Combine(Directory.CreateDirectory(directory).FullName, "ruler.md"),
                $"{Machine.Describe()}.\n\n{table}");
        return table.IsWhole ? 0 : 1;
    }

    /// <summary>The words that name parts of the set.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Gauges(new ActionGauges("", false))
        .Select(static gauge => gauge.Name)];

    private static IReadOnlyList<Gauge> Gauges(ActionGauges actions) =>
    [
        new("local", actions.LocalAsync),
        new("worker", actions.WorkerAsync),
        new("T1", TargetGauges.WarmNoOpAsync),
        new("T5", TargetGauges.ColdTreeAsync),
        new("T6", TargetGauges.BigBlobAsync),
        new("T7", TargetGauges.MemoryAsync),
        new("T8", TargetGauges.StartUpAsync),
        new("T11", TargetGauges.BlackBoxAsync),
    ];

    private static async Task PairAsync(
        Gauge gauge, int pair, BenchContext before, BenchContext after, RulerTable table)
    {
        var (first, second) = pair % 2 == 0 ? (before, after) : (after, before);
        var one = await gauge.ReadAsync(first);
        first.Clear();
        var other = await gauge.ReadAsync(second);
        second.Clear();
        var (old, now) = pair % 2 == 0 ? (one, other) : (other, one);
        table.Add(gauge.Name, old, now);
        // So that a run that is cut short has said something.
        foreach (var (was, reading) in old.Zip(now))
            await Console.Error.WriteLineAsync(string.Create(CultureInfo.InvariantCulture,
                $"pair {pair + 1}: {reading.What}: {was.Value:0.###} → {reading.Value:0.###} {reading.Unit}"));
    }

    /// <summary>The program of a commit; what is a file already is taken as it is.</summary>
    private static async Task<string> BuildAsync(BenchContext context, string against)
    {
        if (File.Exists(against))
            return Path.GetFullPath(against);
        // An archive, not a work tree: it leaves nothing in the repository, however this run ends.
        var (sources, archive) = (context.NewDirectory("sources"), Path.Combine(context.Root, "sources.tar"));
        await MustAsync("git", "-C", context.Repository, "archive", $"--output={archive}", against);
        await MustAsync("tar", "-xf", archive, "-C", sources);
        return await BenchContext.PublishAsync(sources, Path.Combine(context.Root, "bin-before"));
    }

    private static async Task MustAsync(string program, params string[] arguments)
    {
        var (code, output) = await BenchContext.RunAsync(program, arguments, TimeSpan.FromMinutes(5));
        if (code != 0)
            throw new InvalidOperationException($"{program} {string.Join(' ', arguments)}: {output.Trim()}");
    }
}
