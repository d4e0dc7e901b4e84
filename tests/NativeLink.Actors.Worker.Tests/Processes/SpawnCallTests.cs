using NativeLink.Actors.Worker.Processes;

namespace NativeLink.Actors.Worker.Tests.Processes;

public sealed class SpawnCallTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void An_abort_before_or_after_the_child_does_not_end_the_child_of_another_lane(bool before)
    {
        using var bench = new Workbench();
        using var lane = new SpawnCall();
        using var other = new SpawnCall();
        lane.Prepare(bench.Plan("/bin/sleep", "60"), "/bin/sleep", new SpawnStreams(-1, -1));
        Assert.True(lane.Spawn());
        lane.KillAndReap();
        other.Prepare(bench.Plan("/bin/sleep", "60"), "/bin/sleep", new SpawnStreams(-1, -1));
        Assert.True(other.Spawn());
        try
        {
            // The descriptor of the other lane's child has by now,
            // as a rule, the number that this lane's last child had.
            if (before) lane.Prepare(bench.Plan("/bin/true"), "/bin/true", new SpawnStreams(-1, -1));
            lane.KillWhileSpawning();
            Assert.False(HasEnded(other.Pid), "the other lane's child was ended");
        }
        finally
        {
            other.KillAndReap();
        }
    }

    [Fact]
    public void When_memory_ends_the_kernel_is_to_end_an_action_and_not_the_worker()
    {
        var before = File.ReadAllText("/proc/self/oom_score_adj");
        using var bench = new Workbench();
        using var lane = new SpawnCall();
        lane.Prepare(bench.Plan("/bin/sleep", "60"), "/bin/sleep", new SpawnStreams(-1, -1));
        Assert.True(lane.Spawn());
        try
        {
            Assert.Equal("1000\n", File.ReadAllText($"/proc/{lane.Pid}/oom_score_adj"));
            Assert.Equal(before, File.ReadAllText("/proc/self/oom_score_adj"));
        }
        finally
        {
            lane.KillAndReap();
        }
    }

    /// <summary>
    /// SIGKILL is acted upon before the process comes back to
    /// user space: a look at its state tells (proc_pid_stat(5)).
    /// </summary>
    private static bool HasEnded(int pid)
    {
        for (var i = 0; i < 100; i++)
        {
            var stat = File.ReadAllText($"/proc/{pid}/stat");
            if (stat[stat.LastIndexOf(')') + 2] is 'Z' or 'X')
                return true;
            Thread.Yield();
        }
        return false;
    }
}
