namespace NativeLink.Actors.Storage.Native;

/// <summary>An exclusive flock(2) on a file; the kernel drops it when the process ends, however it ends.</summary>
internal sealed class DirectoryLock : IDisposable
{
    private int _descriptor;

    private DirectoryLock(int descriptor) => _descriptor = descriptor;

    /// <summary>Takes the lock at once, or answers null when another holder has it.</summary>
    /// <exception cref="FaultException">The file cannot be made.</exception>
    public static DirectoryLock? TryTake(string path) => Take(path, Libc.LockExclusive | Libc.LockNonBlocking);

    /// <summary>Waits for the lock; for sections of a few milliseconds only.</summary>
    /// <exception cref="FaultException">The file cannot be made.</exception>
    public static DirectoryLock Wait(string path) => Take(path, Libc.LockExclusive)!;

    public void Dispose()
    {
        var descriptor = Interlocked.Exchange(ref _descriptor, -1);
        if (descriptor >= 0)
            _ = Libc.Close(descriptor);
    }

    private static DirectoryLock? Take(string path, int operation)
    {
        var descriptor = Libc.Open(path, Libc.ReadWrite | Libc.Create | Libc.CloseOnExec, 0x1A4);
        if (descriptor < 0)
            throw Errno.LastFault($"lock file {path} cannot be opened");
        while (Libc.Lock(descriptor, operation) != 0)
        {
            var errno = Errno.Last;
            if (errno == Errno.Interrupted)
                continue;
            _ = Libc.Close(descriptor);
            return errno == Errno.WouldBlock ? null : throw Errno.Fault($"lock file {path} cannot be locked", errno);
        }
        return new DirectoryLock(descriptor);
    }
}
