namespace NativeLink.Actors.Posix;

/// <summary>The part of a mode that says what kind of file it is (inode(7), S_IF…).</summary>
internal static class FileTypes
{
    /// <summary>S_IFMT: the bits of a mode that are compared with the others here.</summary>
    public const int Mask = 0xF000;

    public const int CharacterDevice = 0x2000;
    public const int Directory = 0x4000;
    public const int Regular = 0x8000;
    public const int SymbolicLink = 0xA000;
}
