using System.Runtime.InteropServices;

namespace NativeLink.Actors.Posix;

/// <summary>The beginning of <c>struct statvfs</c> (statvfs(3)) on 64-bit systems.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct StatvfsBuffer
{
    public ulong BlockSize;
    public ulong FragmentSize;
    public ulong Blocks;
    public ulong Free;
    private fixed ulong _rest[16];

    public readonly long UsedBytes => (long)((Blocks - Free) * FragmentSize);

    public readonly long FreeBytes => (long)(Free * FragmentSize);
}
