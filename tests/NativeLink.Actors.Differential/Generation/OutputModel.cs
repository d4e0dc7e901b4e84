using Google.Protobuf;
using NativeLink.Actors.Differential.Model;
using NativeLink.Actors.Testing.Workers;

namespace NativeLink.Actors.Differential.Generation;

/// <summary>
/// The messages of an output directory: relative links stay; absolute ones become relative where
/// their target is in the same output, else copies of what they lead to, or nothing. Where a file
/// was declared and a directory is found, what lies in the same output is copied too, unless it
/// leads round in a circle.
/// </summary>
internal sealed class OutputModel(Disk disk, DigestFunction function, bool withMode, bool asFile)
{
    private readonly HashSet<DirectoryItem> _open = [];

    /// <summary>The directories below the root.</summary>
    public Dictionary<Digest, Reapi.Directory> Below { get; private set; } = [];

    /// <summary>The files' contents.</summary>
    public Dictionary<Digest, byte[]> Made { get; private set; } = [];

    /// <summary>Null when it leads round in a circle.</summary>
    /// <param name="copied">A link led here.</param>
    public Reapi.Directory? Make(DirectoryItem directory, string at, bool copied) =>
        Directory(directory, at, at, copied, whole: false);

    private Reapi.Directory? Directory(DirectoryItem directory, string at, string top, bool copied, bool whole)
    {
        if (!_open.Add(directory))
            return null;
        var message = new Reapi.Directory { NodeProperties = Properties(directory.Mode) };
        var complete = directory.Entries.All(
            entry => TryAdd(message, entry.Key, entry.Value, Disk.Join(at, entry.Key), at, top, copied, whole));
        _open.Remove(directory);
        return complete ? message : null;
    }

    private bool TryAdd(
        Reapi.Directory message, string name, Node node, string path, string at, string top, bool copied, bool whole)
    {
        switch (node)
        {
            case FileItem file:
                AddFile(message, name, file);
                return true;
            case DirectoryItem child:
                if (Directory(child, path, top, copied, whole) is not { } made)
                    return false;
                AddDirectory(message, name, made);
                return true;
            case LinkItem link:
                return TryAddLink(message, name, link, path, at, top, copied, whole);
            default:
                return true;
        }
    }

    private bool TryAddLink(
        Reapi.Directory message, string name, LinkItem link, string path, string at, string top, bool copied,
        bool whole)
    {
        var isAbsolute = link.Rooted || link.Target.StartsWith('/');
        var followed = disk.Resolve(path, followLast: true);
        if (!isAbsolute && (!copied || (followed is null && !disk.LeadsToNull(path))
            || (followed is var (_, inner) && IsInside(inner, top))))
            message.Symlinks.Add(new Reapi.SymlinkNode { Name = name, Target = link.Target });
        else if (disk.LeadsToNull(path))
            message.Files.Add(new Reapi.FileNode
            {
                Name = name,
                Digest = Keep([]),
                NodeProperties = Properties(0x1B6),
            });
        else if (followed is var (target, real))
            return TryAddFollowed(message, name, link, target, real, at, top, whole);
        return true;
    }

    /// <returns>False when that is the end of the whole copy that it would be part of.</returns>
    private bool TryAddFollowed(
        Reapi.Directory message, string name, LinkItem link, Node target, string real, string at, string top,
        bool whole)
    {
        var inside = IsInside(real, top);
        if ((!inside || asFile) && TryAddCopy(message, name, target, real, whole || inside))
            return true;
        if (!inside)
            return !whole;
        var shown = link.Rooted && IsInside(link.Target, top) ? link.Target : real;
        message.Symlinks.Add(new Reapi.SymlinkNode
        {
            Name = name,
            Target = Path.GetRelativePath("/" + at, "/" + shown),
        });
        return true;
    }

    private bool TryAddCopy(Reapi.Directory message, string name, Node target, string real, bool whole)
    {
        if (target is FileItem file)
            AddFile(message, name, file);
        if (target is not DirectoryItem directory)
            return target is FileItem;
        // What is given up half-way leaves nothing.
        var (below, made) = (Below, Made);
        (Below, Made) = (new(below), new(made));
        if (Directory(directory, real, real, copied: true, whole) is { } copy)
        {
            AddDirectory(message, name, copy);
            return true;
        }
        (Below, Made) = (below, made);
        return false;
    }

    private void AddFile(Reapi.Directory message, string name, FileItem file) => message.Files.Add(new Reapi.FileNode
    {
        Name = name,
        Digest = Keep(file.Content),
        IsExecutable = file.IsExecutable,
        NodeProperties = Properties(file.Mode),
    });

    private void AddDirectory(Reapi.Directory message, string name, Reapi.Directory made)
    {
        var digest = Hashes.Of(made.ToByteArray(), function);
        Below[digest] = made;
        message.Directories.Add(new Reapi.DirectoryNode { Name = name, Digest = digest.ToWire() });
    }

    private Reapi.Digest Keep(byte[] content)
    {
        var digest = Hashes.Of(content, function);
        Made[digest] = content;
        return digest.ToWire();
    }

    private Reapi.NodeProperties? Properties(uint mode) =>
        withMode ? new Reapi.NodeProperties { UnixMode = mode } : null;

    private static bool IsInside(string path, string directory) =>
        directory.Length == 0 || path == directory || path.StartsWith(directory + "/", StringComparison.Ordinal);
}
