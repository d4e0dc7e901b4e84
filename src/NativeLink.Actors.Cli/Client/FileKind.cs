using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace NativeLink.Actors.Cli.Client;

/// <summary>Tells regular files from fifos, sockets and devices, which .NET does not, and which would block when opened (statx(2)).</summary>
internal static partial class FileKind
{
    private const int AtCurrentDirectory = -100;
    private const int NoFollow = 0x100;
    private const uint TypeOnly = 1;
    private const int ModeOffset = 28;
    private const int TypeMask = 0xF000;
    private const int Regular = 0x8000;

    /// <summary>Whether the entry itself, not what it may point to, is a regular file. False also when it is gone.</summary>
    public static bool IsRegular(string path)
    {
        Span<byte> answer = stackalloc byte[256];
        return StatX(AtCurrentDirectory, path, NoFollow, TypeOnly, answer) == 0
            && (BinaryPrimitives.ReadUInt16LittleEndian(answer[ModeOffset..]) & TypeMask) == Regular;
    }

    /// <summary>Whether there is an entry of this very name, a symlink not followed.</summary>
    public static bool IsThere(string path)
    {
        Span<byte> answer = stackalloc byte[256];
        return StatX(AtCurrentDirectory, path, NoFollow, TypeOnly, answer) == 0;
    }

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int StatX(int directory, string path, int flags, uint mask, Span<byte> answer);
}
