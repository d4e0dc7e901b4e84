using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Storage.Filesystem.Verification;
using NativeLink.Actors.Storage.Trees;

namespace NativeLink.Actors.Storage.DirectoryCache;

/// <summary>
/// Verifies a whole cached tree: every name, kind, size, and the content of each file that is not
/// the store's own, which the store verifies itself: private copies, and those whose blob was
/// evicted. Needed once after a restart of the machine.
/// </summary>
internal sealed class TreeVerification(BlobLinks links)
{
    public bool Matches(DirectoryNode node, TreeEntry entry, Func<TreeEntry, DirectoryNode?> nodeOf)
    {
        if (entry.Below is null)
            return WholeMatches(node, entry.Tree);
        return nodeOf(entry.Below) is { } old && DeltaMatches(old, node, entry.Tree);
    }

    private bool WholeMatches(DirectoryNode node, string path)
    {
        if (!Names(path).SetEquals(node.Files.Select(static file => file.Name)
            .Concat(node.Symlinks.Select(static link => link.Name))
            .Concat(node.Directories.Select(static child => child.Name))))
            return false;
        return node.Files.All(file => HasFile(path, file))
            && node.Symlinks.All(link => HasSymlink(path, link))
            && node.Directories.Select((child, i) => WholeMatches(node.Children![i], Path.Combine(path, child.Name)))
                .All(static holds => holds);
    }

    private bool DeltaMatches(DirectoryNode old, DirectoryNode node, string path)
    {
        var (files, links, children) = (TreeDelta.ChangedFiles(old, node).ToList(),
            TreeDelta.ChangedSymlinks(old, node).ToList(), TreeDelta.ChangedDirectories(old, node).ToList());
        if (!Names(path).SetEquals(TreeDelta.Removed(old, node)
            .Concat(files.Select(static file => file.Name))
            .Concat(links.Select(static link => link.Name))
            .Concat(children.Select(static child => child.Name))))
            return false;
        return files.All(file => HasFile(path, file))
            && links.All(link => HasSymlink(path, link))
            && children.All(child => child.Before is null
                ? WholeMatches(child.After, Path.Combine(path, child.Name))
                : DeltaMatches(child.Before, child.After, Path.Combine(path, child.Name)));
    }

    private static HashSet<string> Names(string path) =>
        Directory.Exists(path)
            ? [.. Directory.EnumerateFileSystemEntries(path).Select(static entry => Path.GetFileName(entry))]
            : [];

    private bool HasFile(string directory, in FileItem file)
    {
        var path = Path.Combine(directory, file.Name);
        if (Libc.StatxAt(Libc.AtFdCwd, path, Libc.AtSymlinkNoFollow, StatxBuffer.Basic, out var status) != 0
            || !status.IsRegular || status.Size != (ulong)file.Digest.SizeBytes)
            return false;
        return file.Digest.IsEmpty || links.IsStoreFile(file.Digest, status)
            || BlobVerification.FindCorruption(path, file.Digest) is null;
    }

    private static bool HasSymlink(string path, in SymlinkItem link) =>
        new FileInfo(Path.Combine(path, link.Name)).LinkTarget == link.Target;
}
