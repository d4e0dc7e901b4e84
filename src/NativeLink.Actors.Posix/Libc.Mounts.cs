using System.Runtime.InteropServices;

namespace NativeLink.Actors.Posix;

/// <content>Mounts and what they have room for.</content>
internal static unsafe partial class Libc
{
    /// <summary>mount(2), MS_….</summary>
    public const ulong MountNoSetId = 2, MountNoDevices = 4, MountRemount = 32;

    /// <summary>umount2(2), MNT_DETACH.</summary>
    public const int UnmountDetach = 2;

    /// <summary>mount(2).</summary>
    [LibraryImport(Library, EntryPoint = "mount", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Mount(string source, string target, string type, ulong flags, string? data);

    /// <summary>umount2(2).</summary>
    [LibraryImport(Library, EntryPoint = "umount2", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Unmount(string target, int flags);

    /// <summary>statvfs(3).</summary>
    [LibraryImport(Library, EntryPoint = "statvfs", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int FilesystemUse(string path, out StatvfsBuffer buffer);

    /// <summary>
    /// Opens what is not beyond a mount point, a bind mount included; -1 with ENOSYS on kernels before 5.6.
    /// </summary>
    public static int OpenWithinMount(int directory, byte* path, int flags) =>
        OpenAt2(directory, path, flags, ResolveNoMounts);
}
