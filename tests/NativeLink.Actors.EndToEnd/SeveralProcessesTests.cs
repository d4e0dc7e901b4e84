using System.Globalization;
using System.Text.RegularExpressions;

namespace NativeLink.Actors.EndToEnd;

/// <summary>Real Bazel builds with cluster and workers as separate processes.</summary>
[Collection(nameof(BazelWorkspace))]
public sealed partial class SeveralProcessesTests(BazelWorkspace workspace)
{
    [Fact]
    public async Task NL_352_One_process_two_and_three_build_the_same()
    {
        var digests = new List<SortedDictionary<string, string>>();
        foreach (var workers in new[] { 0, 1, 2 })
        {
            await using var cluster = await Cluster.Start(workersInProcess: workers == 0 ? 2 : 0);
            for (var i = 0; i < workers; i++)
                await cluster.StartWorker($"w{i}");
            await workspace.Fresh();
            var output = await workspace.Build("test", cluster.Endpoint, "//...");
            AssertAllRemote(output);
            digests.Add(await workspace.Digests());
        }
        Assert.NotEmpty(digests[0]);
        Assert.Equal(digests[0], digests[1]);
        Assert.Equal(digests[0], digests[2]);
    }

    [Fact]
    public async Task A_worker_killed_in_the_middle_of_a_build_costs_a_retry_and_not_the_build()
    {
        await using var cluster = await Cluster.Start(workersInProcess: 0);
        var doomed = await cluster.StartWorker("doomed");
        await cluster.StartWorker("other");
        await workspace.Fresh();
        await using var build = workspace.Start("build", cluster.Endpoint, BazelWorkspace.Libraries);
        await doomed.Says("succeeded", TimeSpan.FromMinutes(2));
        doomed.Signal("KILL");
        Assert.NotEqual(0, await doomed.Exit(TimeSpan.FromSeconds(10)));
        var code = await build.Exit(TimeSpan.FromMinutes(5));
        Assert.True(code == 0, build.Output);
        AssertAllRemote(build.Output);
    }

    [Fact]
    public async Task A_worker_told_to_stop_in_the_middle_of_a_build_finishes_what_it_has_and_exits_with_0()
    {
        await using var cluster = await Cluster.Start(workersInProcess: 0);
        var leaving = await cluster.StartWorker("leaving");
        await cluster.StartWorker("staying");
        await workspace.Fresh();
        await using var build = workspace.Start("build", cluster.Endpoint, BazelWorkspace.Libraries);
        await leaving.Says("succeeded", TimeSpan.FromMinutes(2));
        leaving.Signal("TERM");
        Assert.Equal(0, await leaving.Exit(TimeSpan.FromSeconds(60)));
        var code = await build.Exit(TimeSpan.FromMinutes(5));
        Assert.True(code == 0, build.Output);
    }

    [Fact]
    public async Task NL_353_A_second_build_with_a_new_client_takes_everything_from_the_action_cache()
    {
        await using var cluster = await Cluster.Start(workersInProcess: 2);
        await workspace.Fresh();
        AssertAllRemote(await workspace.Build("test", cluster.Endpoint, "--remote_accept_cached", "//app:digest_test"));
        await workspace.Clean();
        var again = await workspace.Build("test", cluster.Endpoint, "--remote_accept_cached", "//app:digest_test");
        Assert.Equal(0, Count(again, "remote"));
        Assert.True(Count(again, "remote cache hit") > 0, again);
        Assert.Contains("(cached) PASSED", again, StringComparison.Ordinal);
    }

    private static void AssertAllRemote(string output)
    {
        Assert.True(Count(output, "remote") > 0, output);
        Assert.True(Count(output, "local") + Count(output, "linux-sandbox") + Count(output, "processwrapper-sandbox")
            == 0, output);
    }

    /// <summary>Reads Bazel's line "INFO: 112 processes: 3 remote cache hit, 21 internal, 88 remote."</summary>
    private static int Count(string output, string kind)
    {
        var line = output.Split('\n').LastOrDefault(l => ProcessLine().IsMatch(l)) ?? "";
        var parts = ProcessLine().Replace(line, "").TrimEnd('.', '\r').Split(',', StringSplitOptions.TrimEntries);
        return parts.Where(p => p.EndsWith(" " + kind, StringComparison.Ordinal)
            && p[..^(kind.Length + 1)].All(char.IsAsciiDigit))
            .Sum(p => int.Parse(p[..^(kind.Length + 1)], CultureInfo.InvariantCulture));
    }

    [GeneratedRegex("^INFO: [0-9]+ process(es)?: ")]
    private static partial Regex ProcessLine();
}
