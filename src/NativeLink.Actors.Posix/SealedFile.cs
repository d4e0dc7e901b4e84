using Microsoft.Win32.SafeHandles;

namespace NativeLink.Actors.Posix;

/// <summary>
/// A file that nobody has open for writing or mapped so, and that nobody can open for writing until
/// this is disposed: a read lease of the kernel (fcntl(2), F_SETLEASE), which it gives only for a
/// file without writers. Who tries to open it meanwhile waits.
/// </summary>
/// <remarks>
/// A descriptor that only names the file (O_PATH) is no writer, and the kernel tells nobody of it.
/// Whoever holds one has to open the file anew to write, and finds it read-only then.
/// </remarks>
internal sealed class SealedFile : IDisposable
{
    private SealedFile(SafeFileHandle handle) => Handle = handle;

    /// <summary>To read from.</summary>
    public SafeFileHandle Handle { get; }

    /// <summary>Null when somebody may still write to it, or when the file system does not tell.</summary>
    public static SealedFile? TryOpen(string path)
    {
        var descriptor = Libc.Open(
            path, OpenFlags.ReadOnly | OpenFlags.CloseOnExec | OpenFlags.NoFollow | OpenFlags.NonBlocking, 0);
        if (descriptor < 0)
            return null;
        // Not the usual signal, SIGIO, which would end the process when somebody else opens the file.
        if (Libc.Fcntl(descriptor, FcntlCommand.SetSignal, Signals.Urgent) == 0
            && Libc.Fcntl(descriptor, FcntlCommand.SetLease, FcntlCommand.ReadLease) == 0)
            return new SealedFile(new SafeFileHandle(descriptor, ownsHandle: true));
        _ = Libc.Close(descriptor);
        return null;
    }

    /// <summary>
    /// Takes every right to write from the file, so that nobody gets one after this is disposed.
    /// False when it has another name.
    /// </summary>
    public bool TryMakeReadOnly(uint mode)
    {
        var descriptor = (int)Handle.DangerousGetHandle();
        return Libc.ChangeMode(descriptor, mode) == 0
            && Libc.StatxAt(descriptor, "", Libc.AtEmptyPath, StatxBuffer.Basic, out var status) == 0
            && status.IsRegular
            && status.LinkCount == 1
            && Libc.Fcntl(descriptor, FcntlCommand.GetLease, 0) == FcntlCommand.ReadLease;
    }

    /// <summary>The lease ends with the descriptor.</summary>
    public void Dispose() => Handle.Dispose();
}
