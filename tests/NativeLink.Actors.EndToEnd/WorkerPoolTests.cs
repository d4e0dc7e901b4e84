using System.Security.Cryptography;

namespace NativeLink.Actors.EndToEnd;

/// <summary>
/// The pool of NativeLink's page on workers: one file for four
/// workers that share a store, as four processes and as one.
/// </summary>
[Collection(nameof(BazelWorkspace))]
public sealed class WorkerPoolTests(BazelWorkspace workspace)
{
    private static readonly TimeSpan Bound = TimeSpan.FromMinutes(2);

    [Fact]
    public async Task Four_processes_with_one_file_build_together_each_in_its_own_part_of_the_work_directory()
    {
        await using var cluster = await Cluster.Start(workersInProcess: 0);
        var file = await cluster.WriteFlatFile();
        var workers = await Task.WhenAll(Enumerable.Range(1, 4).Select(i =>
            cluster.StartProgram(["--config", file, "--worker", "--worker-id", $"worker-host-{i}"], "registered")));
        Assert.Equal(["worker-host-1", "worker-host-2", "worker-host-3", "worker-host-4"], Parts(cluster));
        await workspace.Fresh();
        await workspace.Build("build", cluster.Endpoint, BazelWorkspace.Libraries);
        Assert.All(workers, worker => Assert.Contains("succeeded", worker.Output, StringComparison.Ordinal));
        foreach (var worker in workers)
            worker.Signal("TERM");
        foreach (var worker in workers)
            Assert.Equal(0, await worker.Exit(Bound));
        AssertSound(Path.Combine(cluster.Home, "shared", "cas"));
    }

    [Fact]
    public async Task A_worker_process_wipes_its_own_part_of_the_work_directory_and_no_other()
    {
        await using var cluster = await Cluster.Start(workersInProcess: 0);
        var file = await cluster.WriteFlatFile();
        await cluster.StartProgram(["--config", file, "--worker", "--worker-id", "first"], "registered");
        await using var running = Cluster.Run("exec", "--executor", cluster.Endpoint, "--no-cache", "--", "/bin/sh",
            "-c", "echo begun; sleep 6; ls -a; echo ended");
        await Directories(Path.Combine(cluster.Home, "work", "first"), 1);
        var second = await cluster.StartProgram(["--config", file, "--worker", "--worker-id", "second"], "registered");
        second.Signal("TERM");
        Assert.Equal(0, await second.Exit(Bound));
        Assert.Equal(0, await running.Exit(Bound));
        Assert.Contains("ended", running.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_process_with_four_workers_runs_four_actions_at_once()
    {
        await using var cluster = await Cluster.Start(workersInProcess: 0);
        var file = await cluster.WriteFlatFile();
        var pool = await cluster.StartProgram([file, "--workers", "4"], "registered", times: 4);
        Assert.Equal(4, Parts(cluster).Count());
        // Each action waits until all four run: with fewer at a time none would ever end.
        var meeting = Directory.CreateDirectory(Path.Combine(cluster.Home, "meeting")).FullName;
        File.SetUnixFileMode(meeting, (UnixFileMode)0b111_111_111);
        var actions = Enumerable.Range(1, 4)
            .Select(i => Cluster.Run("exec", "--executor", cluster.Endpoint, "--no-cache", "--timeout", "60s", "--",
            "/bin/sh", "-c",
            $"touch {meeting}/{i}; while [ $(ls {meeting} | wc -l) -lt 4 ]; do sleep 0.1; done; echo met")).ToList();
        foreach (var action in actions)
        {
            await using (action)
                Assert.True(await action.Exit(Bound) == 0, action.Output);
        }
        pool.Signal("TERM");
        Assert.Equal(0, await pool.Exit(Bound));
    }

    private static IEnumerable<string> Parts(Cluster cluster) =>
        Directory.EnumerateDirectories(Path.Combine(cluster.Home, "work")).Select(path => Path.GetFileName(path))
            .Where(name => name[0] != '.').Order(StringComparer.Ordinal);

    private static async Task Directories(string path, int atLeast)
    {
        using var bound = new CancellationTokenSource(Bound);
        while (!Directory.Exists(path)
            || Directory.EnumerateDirectories(path).Count(name => Path.GetFileName(name)[0] != '.') < atLeast)
            await Task.Delay(20, bound.Token);
    }

    /// <summary>Every blob of the shared store is what its name says: hash and size.</summary>
    private static void AssertSound(string store)
    {
        var blobs = 0;
        foreach (var path in Directory.EnumerateFiles(store, "*", SearchOption.AllDirectories))
        {
            var parts = Path.GetFileName(path).Split('-');
            if (parts.Length < 2 || parts[0].Length != 64)
                continue;
            using var content = File.OpenRead(path);
            Assert.Equal(parts[0], Convert.ToHexStringLower(SHA256.HashData(content)));
            blobs++;
        }
        Assert.True(blobs > 0, string.Join('\n', Directory.EnumerateFileSystemEntries(store)));
    }
}
