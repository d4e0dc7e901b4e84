using NativeLink.Actors.Benchmarks.Rig;

namespace NativeLink.Actors.Benchmarks.Crash;

/// <summary>
/// The command <c>crash</c>: a published program under load is killed with SIGKILL at a random
/// moment and started again on the same directory, again and again; after each restart the store,
/// the mounts, the processes and a build are checked. Each round has a seed of its own, so that it
/// can be had again alone.
/// </summary>
internal static class CrashRounds
{
    public const string Local = "local";
    public const string Worker = "worker";

    // Far above what a round takes: whoever waits longer has found something.
    private static readonly TimeSpan RoundLimit = TimeSpan.FromMinutes(5);

    /// <param name="which"><see cref="Local"/>, <see cref="Worker"/>, or null for both, one after the other.</param>
    /// <param name="rounds">For each.</param>
    /// <returns>0 when all rounds passed.</returns>
    public static async Task<int> RunAsync(BenchContext context, string? which, int rounds, int seed)
    {
        var passed = 0;
        if (which is null or Local)
        {
            await using var local = new LocalSubject(context);
            passed += await RunAsync(context, local, rounds, seed);
        }
        if (which is null or Worker)
        {
            await using var worker = await WorkerSubject.CreateAsync(context);
            passed += await RunAsync(context, worker, rounds, seed);
        }
        var failed = rounds * (which is null ? 2 : 1) - passed;
        Console.WriteLine(context.IsEnding
            ? $"ended from outside after {passed} rounds, which passed"
            : $"{passed} passed, {failed} failed");
        return failed == 0 ? 0 : 1;
    }

    /// <returns>How many passed; none is tried after one that failed, whose directory may be anything.</returns>
    private static async Task<int> RunAsync(BenchContext context, ISubject subject, int rounds, int seed)
    {
        await subject.StartAsync();
        IReadOnlyCollection<Protocol.Digest> before = [];
        for (var round = 0; round < rounds; round++)
        {
            var current = new CrashRound(subject, seed + round);
            try
            {
                await current.RunAsync(before).WaitAsync(RoundLimit);
                Console.WriteLine($"ok   {current}");
            }
            catch (Exception error) when (error is not OutOfMemoryException)
            {
                if (!context.IsEnding)
                    Console.WriteLine(
                        $"FAIL {current}: {error.Message}\n     what it printed: " +
                        $"{subject.Process.Printed}\n     again: crash 1 {subject.Name} --seed {seed + round}");
                return round;
            }
            before = current.Seen;
        }
        return rounds;
    }
}
