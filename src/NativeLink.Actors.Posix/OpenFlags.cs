namespace NativeLink.Actors.Posix;

/// <summary>
/// How a file is opened (open(2), O_…). Those for descriptors hold for pipe2(2), eventfd(2) and their like too.
/// </summary>
internal static class OpenFlags
{
    public const int ReadOnly = 0;
    public const int WriteOnly = 1;
    public const int ReadWrite = 2;
    public const int Create = 0x40;

    /// <summary>O_EXCL: the file must not be there.</summary>
    public const int Exclusive = 0x80;

    public const int NonBlocking = 0x800;

    /// <summary>O_NOATIME, for the file's owner only.</summary>
    public const int NoAccessTime = 0x40000;

    /// <summary>O_CLOEXEC.</summary>
    public const int CloseOnExec = 0x80000;

    /// <summary>O_PATH: a file's inode alone, neither to read nor to write.</summary>
    public const int PathOnly = 0x200000;

    /// <summary>O_DIRECTORY: anything but a directory is an error.</summary>
    public static int Directory => ByArchitecture.OpenDirectory;

    /// <summary>O_NOFOLLOW: a symbolic link is an error, or with <see cref="PathOnly"/> opened itself.</summary>
    public static int NoFollow => ByArchitecture.OpenNoFollow;
}
