using Microsoft.Win32.SafeHandles;

namespace NativeLink.Actors.Posix;

/// <summary>
/// Waits for descriptors on one thread, which others may wake (epoll(7), eventfd(2)). A wake-up
/// that comes while, or after, this is disposed of does nothing: by its number alone it would write
/// its eight bytes into whichever file has that number by then. So signal handlers and
/// cancellations that are still under way do no harm.
/// </summary>
internal sealed unsafe class Epoll : IDisposable
{
    private const long WakeTag = 0;

    private readonly SafeFileHandle _epoll;
    private readonly SafeFileHandle _wake;

    /// <exception cref="FaultException">Worker: there is no descriptor, or no memory for it; says
    /// what for and why.</exception>
    public Epoll(string purpose)
    {
        _epoll = new SafeFileHandle(Libc.EpollCreate(OpenFlags.CloseOnExec), ownsHandle: true);
        var errno = Errno.Last;
        _wake = new SafeFileHandle(Libc.EventFd(0, OpenFlags.CloseOnExec | OpenFlags.NonBlocking), ownsHandle: true);
        if (!_epoll.IsInvalid)
        {
            if (!_wake.IsInvalid && TryWatch((int)_wake.DangerousGetHandle(), WakeTag))
                return;
            errno = Errno.Last;
        }
        Dispose();
        throw new FaultException(FaultKind.Worker, $"cannot watch {purpose}: {Errno.Message(errno)}");
    }

    /// <summary>Watches whether there is something to read, or the other end has been closed.</summary>
    /// <param name="tag">What <see cref="Wait"/> gives for it; not 0.</param>
    /// <returns>False with errno set, or after this was disposed of.</returns>
    public bool TryWatch(int descriptor, long tag)
    {
        using var held = Hold(_epoll);
        return held.Descriptor >= 0 && Libc.EpollWatch(held.Descriptor, descriptor, tag) == 0;
    }

    public void Forget(int descriptor)
    {
        using var held = Hold(_epoll);
        if (held.Descriptor >= 0)
            _ = Libc.EpollForget(held.Descriptor, descriptor);
    }

    /// <summary>Ends a <see cref="Wait"/>, the next one if there is none now; from any thread, at any time.</summary>
    public void Wake()
    {
        using var held = Hold(_wake);
        long one = 1;
        if (held.Descriptor >= 0)
            _ = Libc.Write(held.Descriptor, &one, sizeof(long));
    }

    /// <summary>Waits until something can be read, or somebody wakes it; for the one thread that does so.</summary>
    /// <param name="milliseconds">-1: without end.</param>
    /// <returns>The tags of those that can be read: at the start of <paramref name="buffer"/>,
    /// empty after a wake-up alone.</returns>
    public ReadOnlySpan<long> Wait(Span<long> buffer, int milliseconds)
    {
        var count = Math.Max(0, Libc.EpollTags((int)_epoll.DangerousGetHandle(), buffer, milliseconds));
        var tags = buffer[..count];
        var woken = tags.IndexOf(WakeTag);
        if (woken < 0)
            return tags;
        long sum;
        _ = Libc.Read((int)_wake.DangerousGetHandle(), &sum, sizeof(long));
        tags[woken] = tags[^1];
        return tags[..^1];
    }

    /// <summary>Waits for a wake-up alone, which the next <see cref="Wait"/> still hears.</summary>
    public void Rest(int milliseconds)
    {
        var watch = stackalloc int[2] { (int)_wake.DangerousGetHandle(), Libc.PollIn };
        _ = Libc.Poll(watch, 1, milliseconds);
    }

    public void Dispose()
    {
        _wake.Dispose();
        _epoll.Dispose();
    }

    private static HeldDescriptor Hold(SafeFileHandle handle) => new(handle);

    /// <summary>Keeps a descriptor open for one call; -1 when it has been closed.</summary>
    private readonly ref struct HeldDescriptor
    {
        private readonly SafeFileHandle? _handle;

        public HeldDescriptor(SafeFileHandle handle)
        {
            var held = false;
            try
            {
                if (!handle.IsClosed)
                    handle.DangerousAddRef(ref held);
            }
            catch (ObjectDisposedException)
            {
                // Closed in between.
            }
            (_handle, Descriptor) = held ? (handle, (int)handle.DangerousGetHandle()) : (null, -1);
        }

        public int Descriptor { get; }

        public void Dispose() => _handle?.DangerousRelease();
    }
}
