using System.Text.Unicode;
using NativeLink.Actors.Posix;

namespace NativeLink.Actors.Cli.Client;

/// <summary>
/// Names and targets on disk are bytes, and REAPI's messages carry UTF-8. .NET puts a sign in the
/// place of bytes that are none, and what it shows then is not what is there (statx(2) by that
/// name, readlink(2)). Only text with that sign costs a look.
/// </summary>
internal static unsafe class TrueText
{
    private const char Replaced = '\uFFFD';

    /// <summary>
    /// Whether the entry just listed under this name has it, byte for byte; where another has it as
    /// well, only one of the two does.
    /// </summary>
    public static bool IsName(string path) => !path.Contains(Replaced) || FileEntry.IsThere(path);

    /// <summary>Whether the symlink's target is this text, byte for byte.</summary>
    public static bool IsTarget(string path, string target)
    {
        if (!target.Contains(Replaced))
            return true;
        Span<byte> bytes = stackalloc byte[Libc.LongestPath];
        fixed (byte* start = bytes)
        {
            var length = Libc.ReadLinkAt(Libc.AtFdCwd, path, start, Libc.LongestPath);
            return length >= 0 && Utf8.IsValid(bytes[..(int)length]);
        }
    }
}
