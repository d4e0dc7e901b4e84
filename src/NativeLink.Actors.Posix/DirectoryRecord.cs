namespace NativeLink.Actors.Posix;

/// <summary>
/// <c>struct linux_dirent64</c> (getdents64(2)): inode (8 bytes), offset (8), length of the record
/// (2), type (1), and the name with its NUL. Read where it lies, because a copy of each would cost
/// as much as the rest of a listing.
/// </summary>
internal static class DirectoryRecord
{
    public const int LengthOffset = 16, TypeOffset = 18, NameOffset = 19;

    /// <summary>DT_DIR.</summary>
    public const byte Directory = 4;
}
