using System.Diagnostics;
using NativeLink.Actors.Benchmarks.Rig;

namespace NativeLink.Actors.Benchmarks.Faults;

/// <summary>
/// The command <c>faults</c>. With <c>--first</c> each point is one of the first action of a
/// server, which makes what later ones use again: what is left then cannot be told from it.
/// </summary>
internal sealed class FaultRun(BenchContext context, string program, int? user, bool first)
{
    private const int OrdinaryUser = 1000;

    // Threads of the runtime allocate when they like, so the next action may make some calls more
    // than the one that was counted.
    private const int FewerInARow = 3;

    private const int Repeats = 2;

    /// <summary>What can be made to fail, as <c>faultpoints.c</c> names it.</summary>
    public static readonly IReadOnlyList<string> Kinds = ["descriptor", "task", "directory", "entry", "mount"];

    private FaultSubject? _subject;
    private int _passed;
    private int _failed;

    /// <returns>0 when nothing failed.</returns>
    public static async Task<int> RunAsync(BenchContext context, Arguments arguments)
    {
        var (program, why) = await FaultGate.CompileAsync(context);
        if (program is null)
        {
            Console.WriteLine($"SKIP faults: {why}\n0 passed, 0 failed, 1 skipped");
            return 0;
        }
        var run = new FaultRun(context, program, arguments.User && Environment.IsPrivilegedProcess
            ? OrdinaryUser
            : null, arguments.First);
        var kinds = arguments.Words.Count == 0 ? Kinds : [.. Kinds.Where(arguments.Words.Contains)];
        try
        {
            if (arguments.Seconds is { } seconds)
                await run.DrawAsync(kinds, TimeSpan.FromSeconds(seconds), arguments.Seed);
            else
                await run.AllAsync(kinds);
        }
        finally
        {
            await run.EndAsync();
        }
        Console.WriteLine($"{run._passed} passed, {run._failed} failed");
        return run._failed == 0 ? 0 : 1;
    }

    private async Task AllAsync(IReadOnlyList<string> kinds)
    {
        foreach (var kind in kinds)
        {
            var count = await CountAsync(kind);
            Console.WriteLine($"{kind}: an action makes {count}");
            for (var (number, fewer) = (1, 0); fewer < FewerInARow; number++)
                fewer = await PointAsync(kind, number) ? 0 : number > count ? fewer + 1 : 0;
        }
    }

    private async Task DrawAsync(IReadOnlyList<string> kinds, TimeSpan time, int seed)
    {
        Console.WriteLine($"seed {seed}; again with --seed {seed}");
        var points = new List<(string Kind, int Number)>();
        foreach (var kind in kinds)
            points.AddRange(Enumerable.Range(1, await CountAsync(kind)).Select(number => (kind, number)));
        // Starting and counting are not of the time: on a slow machine nothing would be left of it.
        var (random, began) = (new Random(seed), Stopwatch.GetTimestamp());
        while (Stopwatch.GetElapsedTime(began) < time && points.Count > 0)
        {
            var (kind, number) = points[random.Next(points.Count)];
            await PointAsync(kind, number);
        }
    }

    private async Task<int> CountAsync(string kind)
    {
        var count = await (await SubjectAsync()).CountAsync(kind);
        if (first)
            await EndAsync();
        return count;
    }

    /// <returns>Whether there was such a point.</returns>
    private async Task<bool> PointAsync(string kind, int number)
    {
        var subject = await SubjectAsync();
        var (failed, wrong, isLeft) = await subject.TryAsync(kind, number);
        // What is made late and kept (a thread, what it holds) is
        // more than before only once; what is lost is so each time.
        for (var again = 0; isLeft && again < Repeats; again++)
        {
            (var repeated, wrong, isLeft) = await subject.TryAsync(kind, number);
            failed ??= repeated;
        }
        if (wrong is null)
        {
            if (failed is null)
                return false;
            _passed++;
            Console.WriteLine($"ok   {kind} {number}, {failed}");
            if (first)
                await EndAsync();
            return true;
        }
        _failed++;
        Console.WriteLine($"FAIL {kind} {number}, {failed ?? "which did not come to pass"}: {wrong}");
        // What has failed once may fail everything after it.
        await EndAsync();
        return failed is not null;
    }

    private async Task<FaultSubject> SubjectAsync() =>
        _subject ??= await FaultSubject.StartAsync(context, program, user, warm: !first);

    private async Task EndAsync()
    {
        if (_subject is not null)
            await _subject.DisposeAsync();
        _subject = null;
    }
}
