using Microsoft.Win32.SafeHandles;

namespace NativeLink.Actors.Posix.Tests;

public sealed class EpollTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void What_can_be_read_is_told_by_its_tag_and_a_wake_up_ends_the_wait_alone()
    {
        using var epoll = new Epoll("a test");
        using var some = new SafeFileHandle(Libc.EventFd(1, OpenFlags.CloseOnExec), ownsHandle: true);
        Span<long> buffer = stackalloc long[4];
        epoll.Wake();
        Assert.True(epoll.Wait(buffer, 30_000).IsEmpty);
        Assert.True(epoll.Wait(buffer, 0).IsEmpty);
        Assert.True(epoll.TryWatch((int)some.DangerousGetHandle(), 5));
        epoll.Wake();
        Assert.Equal([5], epoll.Wait(buffer, 30_000).ToArray());
        epoll.Forget((int)some.DangerousGetHandle());
        Assert.True(epoll.Wait(buffer, 0).IsEmpty);
    }

    [Fact]
    public async Task A_wake_up_that_comes_too_late_writes_into_nobodys_file()
    {
        // Whoever opens a file next gets the number that has just become free.
        for (var round = 0; round < 300; round++)
        {
            var epoll = new Epoll("a test");
            using var over = new CancellationTokenSource();
            using var begun = new ManualResetEventSlim();
            var late = Task.Factory.StartNew(
                () =>
                {
                    while (!over.IsCancellationRequested)
                    {
                        epoll.Wake();
                        begun.Set();
                    }
                },
                CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            begun.Wait(CancellationToken.None);
            epoll.Dispose();
            var files = Enumerable.Range(0, 4).Select(i => File.OpenHandle(
                _directory.At($"{round}-{i}"), FileMode.CreateNew, FileAccess.ReadWrite)).ToList();
            epoll.Wake();
            await over.CancelAsync();
            await late;
            Assert.Equal([0, 0, 0, 0], files.Select(RandomAccess.GetLength));
            files.ForEach(static file => file.Dispose());
        }
    }
}
