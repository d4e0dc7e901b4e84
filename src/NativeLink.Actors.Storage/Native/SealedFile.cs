using Microsoft.Win32.SafeHandles;

namespace NativeLink.Actors.Storage.Native;

/// <summary>
/// A file that nobody has open for writing or mapped so, and that nobody can open for writing until this is disposed: a read lease of the kernel
/// (fcntl(2), F_SETLEASE), which it gives only for a file without writers. Who tries to open it meanwhile waits.
/// </summary>
/// <remarks>
/// A descriptor that only names the file (O_PATH) is no writer, and the kernel tells nobody of it. Whoever holds one has to open the file anew to write,
/// and finds it read-only then.
/// </remarks>
public sealed class SealedFile : IDisposable
{
    private const int SetSignal = 10;
    private const int SetLease = 1024;
    private const int GetLease = 1025;
    private const int ReadLease = 0;

    // Ignored by default; the usual one, SIGIO, would end the process when somebody else opens the file.
    private const int UrgentSignal = 23;

    private SealedFile(SafeFileHandle handle) => Handle = handle;

    /// <summary>To read from.</summary>
    public SafeFileHandle Handle { get; }

    /// <summary>Null when somebody may still write to it, or when the file system does not tell.</summary>
    public static SealedFile? TryOpen(string path)
    {
        var descriptor = Libc.Open(path, Libc.ReadOnly | Libc.CloseOnExec | Libc.NoFollow | Libc.NonBlocking, 0);
        if (descriptor < 0)
            return null;
        if (Libc.Control(descriptor, SetSignal, UrgentSignal) == 0 && Libc.Control(descriptor, SetLease, ReadLease) == 0)
            return new SealedFile(new SafeFileHandle(descriptor, ownsHandle: true));
        _ = Libc.Close(descriptor);
        return null;
    }

    /// <summary>Takes every right to write from the file, so that nobody gets one after this is disposed. False when it has another name.</summary>
    public bool TryMakeReadOnly(uint mode)
    {
        var descriptor = (int)Handle.DangerousGetHandle();
        return Libc.ChangeMode(descriptor, mode) == 0
            && Libc.StatxAt(descriptor, "", Libc.AtEmptyPath, Libc.StatxBasic, out var status) == 0
            && status.IsRegular
            && status.LinkCount == 1
            && Libc.Control(descriptor, GetLease, 0) == ReadLease;
    }

    /// <summary>The lease ends with the descriptor.</summary>
    public void Dispose() => Handle.Dispose();
}
