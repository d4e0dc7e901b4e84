using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace NativeLink.Actors.Worker.Tests.Processes;

internal static partial class LibC
{
    internal static int ClearCloseOnExec(SafeFileHandle file) => FileControl((int)file.DangerousGetHandle(), 2, 0);

    [LibraryImport("libc", EntryPoint = "fcntl")]
    private static partial int FileControl(int fd, int command, nint argument);
}
