using System.Runtime.InteropServices;

namespace NativeLink.Actors.Posix;

/// <content>Pages of memory.</content>
internal static unsafe partial class Libc
{
    /// <summary>mmap(2), PROT_….</summary>
    public const int ProtectRead = 1, ProtectWrite = 2, ProtectExecute = 4;

    [LibraryImport(Library, EntryPoint = "mmap", SetLastError = true)]
    private static partial void* MapMemory(
        void* address, nuint length, int protection, int flags, int descriptor, nint offset);

    /// <summary>mmap(2): private, empty memory of this process; null with the errno when there is none.</summary>
    public static void* MapPage(int size)
    {
        const int PrivateAnonymous = 0x22;
        var page = MapMemory(null, (nuint)size, ProtectRead | ProtectWrite, PrivateAnonymous, -1, 0);
        return page == (void*)-1 ? null : page;
    }

    /// <summary>mprotect(2).</summary>
    [LibraryImport(Library, EntryPoint = "mprotect", SetLastError = true)]
    public static partial int ProtectMemory(void* address, nuint length, int protection);
}
