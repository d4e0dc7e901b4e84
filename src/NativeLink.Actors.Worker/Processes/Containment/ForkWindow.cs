namespace NativeLink.Actors.Worker.Processes.Containment;

/// <summary>
/// A child inherits a copy of every descriptor that is open when it is forked, until it closes it a moment later. The writing end of a gate must not be among them: it
/// would open that gate for the next child that comes to it. A child also inherits the limits that the process has at that moment, one of which may be the mark
/// of another's tree. So forks, and the moments in which such an end is open or such a mark set, exclude each other in this process.
/// </summary>
internal static unsafe class ForkWindow
{
    private const int Semaphore = 1; // EFD_SEMAPHORE, eventfd(2): whoever waits sleeps. A fork is too long to spin for it, as the runtime's own locks do.

    private static readonly int _one = Native.EventFd(1, Semaphore | Native.OpenCloseOnExec);

    internal static void Enter()
    {
        long taken;
        while (Native.Read(_one, &taken, sizeof(long)) != sizeof(long))
        {
            // Interrupted by a signal.
        }
    }

    /// <summary>May be called on another thread than <see cref="Enter"/>.</summary>
    internal static void Leave()
    {
        long one = 1;
        _ = Native.Write(_one, &one, sizeof(long));
    }
}
