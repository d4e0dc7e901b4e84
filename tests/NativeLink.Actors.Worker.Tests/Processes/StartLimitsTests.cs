using System.Globalization;
using NativeLink.Actors.Worker.Processes;

namespace NativeLink.Actors.Worker.Tests.Processes;

/// <summary>
/// The soft limit of open files, which the runtime
/// has raised by the time that anything of ours runs.
/// </summary>
public sealed class StartLimitsTests : IDisposable
{
    private readonly Workbench _bench = new();

    public void Dispose() => _bench.Dispose();

    [Theory]
    [InlineData(524_288, 1024, 524_288, 1024)]
    [InlineData(4096, 300, 4096, 300)]
    [InlineData(524_288, 524_288, 524_288, 524_288)]
    [InlineData(524_288, 1_073_741_816, 1_073_741_816, 1024)]
    [InlineData(600, 1024, 524_288, 600)]
    [InlineData(4096, null, null, 1024)]
    public void The_limit_is_the_parents_unless_the_limits_were_set_in_between(
        int own, int? parentSoft, int? parentHard, int expected)
    {
        ResourceLimit? parent = parentSoft is { } soft
            ? new ResourceLimit { Soft = (ulong)soft, Hard = (ulong)parentHard! }
            : null;
        var limit = StartLimits.Choose(new ResourceLimit { Soft = (ulong)own, Hard = (ulong)own }, parent);
        Assert.Equal(((ulong)expected, (ulong)own), (limit.Soft, limit.Hard));
    }

    [Fact]
    public async Task An_action_has_the_limit_that_the_worker_was_started_with()
    {
        var run = await _bench.ShellAsync("ulimit -Sn; ulimit -Hn");
        string[] expected = [Text(StartLimits.OpenFiles.Soft), Text(StartLimits.OpenFiles.Hard)];
        Assert.Equal(expected, run.Out.TrimEnd('\n').Split('\n'));
    }

    private static string Text(ulong limit) => limit == ResourceLimit.Infinity
        ? "unlimited"
        : limit.ToString(CultureInfo.InvariantCulture);
}
