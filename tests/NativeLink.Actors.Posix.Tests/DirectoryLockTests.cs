using System.Diagnostics;
using System.Globalization;

namespace NativeLink.Actors.Posix.Tests;

public sealed class DirectoryLockTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Who_waits_for_a_lock_gets_it_when_its_holder_lets_go()
    {
        var held = DirectoryLock.TryTake(_directory.At("lock"))!;
        using var timer = new Timer(_ => held.Dispose(), null, 200, Timeout.Infinite);
        using var taken = DirectoryLock.Wait(_directory.At("lock"));
        Assert.Null(DirectoryLock.TryTake(_directory.At("lock")));
    }

    [Fact]
    public void Who_waits_for_a_lock_in_vain_is_told_who_holds_it()
    {
        using var held = DirectoryLock.TryTake(_directory.At("lock"))!;
        var began = Stopwatch.GetTimestamp();
        var fault = Assert.Throws<FaultException>(
            () => DirectoryLock.Wait(_directory.At("lock"), TimeSpan.FromMilliseconds(300)));
        Assert.InRange(Stopwatch.GetElapsedTime(began).TotalMilliseconds, 250, 10_000);
        Assert.Contains(_directory.At("lock"), fault.Message, StringComparison.Ordinal);
        Assert.Contains(Environment.ProcessId.ToString(CultureInfo.InvariantCulture), fault.Message,
            StringComparison.Ordinal);
    }
}
