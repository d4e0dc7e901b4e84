using System.Runtime.InteropServices;

namespace NativeLink.Actors.Worker.Remote;

/// <summary>One thread sleeps until another says so; a word said before it sleeps is not lost. Neither side ever spins (eventfd(2)).</summary>
internal sealed unsafe partial class WakeSignal : IDisposable
{
    private const int CloseOnExec = 0x80000;

    private readonly int _event = EventFd(0, CloseOnExec);

    public WakeSignal()
    {
        if (_event < 0)
            throw new FaultException(FaultKind.Worker, $"a thread cannot be given a signal to sleep on: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}");
    }

    public void Set()
    {
        long one = 1;
        _ = Write(_event, &one, sizeof(long));
    }

    public void Wait()
    {
        long count;
        while (Read(_event, &count, sizeof(long)) != sizeof(long))
        {
            // Interrupted by a signal.
        }
    }

    public void Dispose() => _ = Close(_event);

    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    private static partial int EventFd(uint initial, int flags);

    [LibraryImport("libc", EntryPoint = "read")]
    private static partial nint Read(int descriptor, void* buffer, nuint length);

    [LibraryImport("libc", EntryPoint = "write")]
    private static partial nint Write(int descriptor, void* buffer, nuint length);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
