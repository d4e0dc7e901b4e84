namespace NativeLink.Actors.Worker.Threads;

/// <summary>
/// One thread sleeps until another says so; a word said before
/// it sleeps is not lost. Neither side ever spins (eventfd(2)).
/// </summary>
internal sealed unsafe class WakeSignal : IDisposable
{
    private readonly int _event = Libc.EventFd(0, OpenFlags.CloseOnExec);

    public WakeSignal()
    {
        if (_event < 0)
            throw new FaultException(
                FaultKind.Worker, $"a thread cannot be given a signal to sleep on: {Errno.Message(Errno.Last)}");
    }

    public void Set()
    {
        long one = 1;
        _ = Libc.Write(_event, &one, sizeof(long));
    }

    public void Wait()
    {
        long count;
        while (Libc.Read(_event, &count, sizeof(long)) != sizeof(long))
        {
            // Interrupted by a signal.
        }
    }

    public void Dispose() => _ = Libc.Close(_event);
}
