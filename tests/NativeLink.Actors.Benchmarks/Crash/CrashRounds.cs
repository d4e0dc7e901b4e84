using System.Globalization;
using NativeLink.Actors.Benchmarks.Rig;

namespace NativeLink.Actors.Benchmarks.Crash;

/// <summary>
/// The command <c>crash</c>: the published <c>local</c> under load is killed with SIGKILL at a random moment and started again on the same directory, again
/// and again; after each restart the store, the mounts, the processes and a build are checked.
/// </summary>
internal static class CrashRounds
{
    private const int LongestMilliseconds = 2_000;

    /// <returns>0 when all rounds passed.</returns>
    public static async Task<int> RunAsync(BenchContext context, int rounds, int seed)
    {
        var data = context.NewDirectory("crash");
        var content = Path.Combine(data, "cas");
        var random = new Random(seed);
        Console.WriteLine($"seed {seed}");
        HashSet<Protocol.Digest> seen = [];
        for (var round = 1; round <= rounds; round++)
        {
            var mark = string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessId}-{round}");
            var build = new CrashBuild(mark);
            var after = TimeSpan.FromMilliseconds(random.Next(LongestMilliseconds));
            await LoadAndKillAsync(context, data, build, random, after);
            seen.UnionWith(build.Seen);
            try
            {
                await using var server = await StartAsync(context, data);
                CrashChecks.NoMountIsLeft(data);
                await CrashChecks.NoProcessIsLeftAsync(mark, data, server.Id);
                var blobs = CrashChecks.BlobsMatchTheirNames(content);
                await CrashChecks.IndexEqualsDiskAsync(server.Client, content, seen);
                await build.RunAsync(server.Client);
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"round {round}: killed {after.TotalMilliseconds:0} ms after the first answer; {blobs} blobs"));
            }
            catch (Exception error) when (error is not OutOfMemoryException)
            {
                Console.WriteLine($"round {round} FAILED (seed {seed}, killed {after.TotalMilliseconds:0} ms after the first answer): {error.Message}");
                return 1;
            }
        }
        Console.WriteLine($"{rounds} rounds passed");
        return 0;
    }

    private static async Task LoadAndKillAsync(BenchContext context, string data, CrashBuild build, Random random, TimeSpan after)
    {
        await using var server = await StartAsync(context, data);
        var running = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var load = build.LoadAsync(server.Client, random, running);
        if (await Task.WhenAny(running.Task, load) == load)
            throw new InvalidOperationException("the load ended before anything was answered");
        await Task.Delay(after);
        server.Kill();
        await load;
    }

    private static Task<ServerProcess> StartAsync(BenchContext context, string data) =>
        ServerProcess.StartLocalIn(data, context, "--workers", "2", "--max-inflight", "4");
}
