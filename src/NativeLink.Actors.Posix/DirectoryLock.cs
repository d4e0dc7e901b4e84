using System.Diagnostics;

namespace NativeLink.Actors.Posix;

/// <summary>An exclusive flock(2) on a file; the kernel drops it when the process ends, however it ends.</summary>
internal sealed class DirectoryLock : IDisposable
{
    /// <summary>Whoever holds one for so long has been stopped, or waits for a disk that does not answer.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(20);
    private static readonly ManualResetEventSlim Never = new();

    private int _descriptor;

    private DirectoryLock(int descriptor) => _descriptor = descriptor;

    /// <summary>Takes the lock at once, or answers null when another holder has it.</summary>
    /// <exception cref="FaultException">The file cannot be made.</exception>
    public static DirectoryLock? TryTake(string path) => Take(path, Libc.LockExclusive | Libc.LockNonBlocking);

    /// <summary>Waits for the lock; for sections of a few milliseconds only.</summary>
    /// <param name="patience">Null: <see cref="Patience"/>.</param>
    /// <exception cref="FaultException">The file cannot be made, or another holder keeps the lock
    /// for longer than anybody should; says who.</exception>
    public static DirectoryLock Wait(string path, TimeSpan? patience = null)
    {
        var (began, most) = (Stopwatch.GetTimestamp(), patience ?? Patience);
        for (var pause = FirstPause; ; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
        {
            if (TryTake(path) is { } taken)
                return taken;
            if (Stopwatch.GetElapsedTime(began) is var waited && waited >= most)
                throw new FaultException(
                    FaultKind.Storage,
                    $"lock {path} is held by {LockHolder.Of(path)}, still after {waited.TotalSeconds:0} s; " +
                    "end that process if it hangs, else try again later");
            // Never set: flock(2) itself has no wait that ends.
            Never.Wait(pause);
        }
    }

    public void Dispose()
    {
        var descriptor = Interlocked.Exchange(ref _descriptor, -1);
        if (descriptor >= 0)
            _ = Libc.Close(descriptor);
    }

    private static DirectoryLock? Take(string path, int operation)
    {
        var descriptor = Libc.Open(path, OpenFlags.ReadWrite | OpenFlags.Create | OpenFlags.CloseOnExec, 0x1A4);
        if (descriptor < 0)
            throw DiskFault.Last($"lock file {path} cannot be opened");
        while (Libc.Lock(descriptor, operation) != 0)
        {
            var errno = Errno.Last;
            if (errno == Errno.EINTR)
                continue;
            _ = Libc.Close(descriptor);
            return errno == Errno.EAGAIN ? null : throw DiskFault.Of($"lock file {path} cannot be locked", errno);
        }
        return new DirectoryLock(descriptor);
    }
}
