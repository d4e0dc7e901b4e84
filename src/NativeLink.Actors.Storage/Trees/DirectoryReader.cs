using System.Text;
using Grpc.Core;

namespace NativeLink.Actors.Storage.Trees;

/// <summary>
/// Turns Directory messages into nodes and refuses what must not reach the disk: names that are
/// empty, <c>.</c>, <c>..</c>, over-long, or hold a slash or NUL; a name that appears twice;
/// malformed digests; symbolic links to nothing (REAPI <c>Directory</c>; protos/README.md 4.2).
/// </summary>
internal static class DirectoryReader
{
    private const int LongestName = 255;
    private const int LongestTarget = 4095;

    /// <param name="path">Where in the tree the directory was met first, for messages.</param>
    /// <exception cref="FaultException">Action, INVALID_ARGUMENT: names the directory and the entry.</exception>
    public static DirectoryNode Read(in Digest digest, Reapi.Directory message, TreePath? path)
    {
        var names = new HashSet<string>(message.Files.Count + message.Directories.Count + message.Symlinks.Count);
        var files = new FileItem[message.Files.Count];
        for (var i = 0; i < files.Length; i++)
        {
            var node = message.Files[i];
            Check(node.Name, path, names);
            files[i] = ReadFile(node, digest.Function, path);
        }
        var directories = new ChildItem[message.Directories.Count];
        for (var i = 0; i < directories.Length; i++)
        {
            var node = message.Directories[i];
            Check(node.Name, path, names);
            directories[i] = new ChildItem(node.Name, ReadDigest(node.Digest, digest.Function, path, node.Name));
        }
        var symlinks = new SymlinkItem[message.Symlinks.Count];
        for (var i = 0; i < symlinks.Length; i++)
        {
            var node = message.Symlinks[i];
            Check(node.Name, path, names);
            if (node.Target.Length == 0 || node.Target.Contains('\0', StringComparison.Ordinal)
                || Encoding.UTF8.GetByteCount(node.Target) > LongestTarget)
                throw Refuse(path, node.Name,
                    "its symbolic link has no target, a target with NUL, or one of more than 4095 bytes");
            symlinks[i] = new SymlinkItem(node.Name, node.Target);
        }
        return new DirectoryNode(digest, files, directories, symlinks);
    }

    private static FileItem ReadFile(Reapi.FileNode node, DigestFunction function, TreePath? path)
    {
        var digest = ReadDigest(node.Digest, function, path, node.Name);
        if (node.NodeProperties is not { } properties)
            return new FileItem(node.Name, digest, node.IsExecutable, null, null);
        var modified = properties.Mtime is { } time ? ReadTime(time, path, node.Name) : (long?)null;
        // protos/README.md 4.3: unix_mode, made executable where the node says so. Special bits
        // would let an input change its owner's rights.
        var mode = properties.UnixMode is { } wanted ? (wanted & 0x1FF) | (node.IsExecutable ? 0x49u : 0) : (uint?)null;
        return new FileItem(node.Name, digest, node.IsExecutable, mode, modified);
    }

    /// <summary>In ns since 1970; from 1677 to 2262.</summary>
    private static long ReadTime(Google.Protobuf.WellKnownTypes.Timestamp time, TreePath? path, string name)
    {
        const long NanosecondsInSecond = 1_000_000_000;
        return time.Nanos is >= 0 and < (int)NanosecondsInSecond
            && Math.Abs((decimal)time.Seconds) < long.MaxValue / NanosecondsInSecond
            ? (time.Seconds * NanosecondsInSecond) + time.Nanos
            : throw Refuse(
                path, name,
                $"its mtime of {time.Seconds} s and {time.Nanos} ns is outside of the years 1678 to 2261 that " +
                "can be kept");
    }

    private static Digest ReadDigest(Reapi.Digest? wire, DigestFunction function, TreePath? path, string name) =>
        Digest.TryFromWire(wire, function, out var digest)
            ? digest
            : throw Refuse(path, name, $"its digest '{wire?.Hash}/{wire?.SizeBytes}' is missing or malformed");

    private static void Check(string name, TreePath? path, HashSet<string> names)
    {
        if (name.Length == 0)
            throw Refuse(path, name, "the name is empty");
        if (name is "." or "..")
            throw Refuse(path, name, "the name would lead out of the directory");
        if (name.AsSpan().IndexOfAny('/', '\0') >= 0)
            throw Refuse(path, name, "the name holds a slash or NUL");
        if (name.Length > LongestName / 3 && Encoding.UTF8.GetByteCount(name) > LongestName)
            throw Refuse(path, MessageText.Head(name, 40) + "…", "the name has more than 255 bytes");
        if (!names.Add(name))
            throw Refuse(path, name, "the name appears twice");
    }

    private static FaultException Refuse(TreePath? path, string name, string why) => new(new Fault(
        FaultKind.Action,
        $"the input tree is malformed: directory '{TreePath.Describe(path)}', entry '{name.Replace('\0', '?')}': {why}")
    {
        Code = StatusCode.InvalidArgument,
    });
}
