using System.Runtime.InteropServices;

namespace NativeLink.Actors.Posix;

/// <summary><c>struct statx</c> (statx(2)), the same on every processor.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct StatxBuffer
{
    /// <summary>STATX_BASIC_STATS: what stat(2) tells.</summary>
    public const uint Basic = 0x7ff;

    /// <summary>STATX_TYPE.</summary>
    public const uint Type = 1;

    /// <summary>STATX_NLINK and STATX_INO.</summary>
    public const uint InodeAndLinks = 0x104;

    /// <summary>STATX_MTIME.</summary>
    public const uint ModificationTime = 0x40;

    /// <summary>STATX_TYPE, STATX_SIZE and STATX_MTIME.</summary>
    public const uint TypeSizeAndTime = 0x241;

    public uint Mask;
    public uint BlockSize;
    public ulong Attributes;
    public uint LinkCount;
    public uint UserId;
    public uint GroupId;
    public ushort Mode;
    private readonly ushort _spare0;
    public ulong Inode;
    public ulong Size;
    public ulong Blocks;
    public ulong AttributesMask;
    public StatxTime AccessTime;
    public StatxTime BirthTime;
    public StatxTime ChangeTime;
    public StatxTime ModifyTime;
    public uint RdevMajor;
    public uint RdevMinor;
    public uint DevMajor;
    public uint DevMinor;
    public fixed ulong Spare[14];

    public readonly bool IsDirectory => (Mode & FileTypes.Mask) == FileTypes.Directory;

    public readonly bool IsRegular => (Mode & FileTypes.Mask) == FileTypes.Regular;

    /// <summary>Major and minor number of the device that the file is on.</summary>
    public readonly ulong Device => ((ulong)DevMajor << 32) | DevMinor;
}

/// <summary><c>struct statx_timestamp</c>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct StatxTime
{
    public long Seconds;
    public uint Nanoseconds;
    private readonly int _reserved;

    public readonly long TotalNanoseconds => unchecked((Seconds * 1_000_000_000) + Nanoseconds);
}
