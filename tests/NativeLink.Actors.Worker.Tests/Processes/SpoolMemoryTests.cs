namespace NativeLink.Actors.Worker.Tests.Processes;

[CollectionDefinition(nameof(MeasuredAlone), DisableParallelization = true)]
public sealed class MeasuredAlone;

[Collection(nameof(MeasuredAlone))]
public sealed class SpoolMemoryTests : IDisposable
{
    private readonly Workbench _bench = new();

    public void Dispose() => _bench.Dispose();

    [Fact]
    public async Task Three_hundred_megabytes_of_stdout_cost_no_memory()
    {
        await _bench.ShellAsync("true");
        GC.Collect();
        var (before, allocated) = (Environment.WorkingSet, GC.GetTotalAllocatedBytes());
        var plan = _bench.Plan("/usr/bin/head", "-c", "300000000", "/dev/zero");
        var report = await _bench.Launcher.RunAsync(plan, CancellationToken.None);
        Assert.Equal(0, report.ExitCode);
        Assert.Equal(300_000_000, new FileInfo(plan.StdoutPath).Length);
        Assert.True(GC.GetTotalAllocatedBytes() - allocated < 64 << 20, "nothing of it passes through managed memory");
        Assert.True(Environment.WorkingSet - before < 64 << 20, "nor stays in the process");
    }
}
