namespace NativeLink.Actors.Storage.Trees;

/// <summary>
/// Which contents a tree's linked files have, as hash codes, four bytes a file. It may say yes for
/// a content that is not there, which costs a copy where a link would have done.
/// </summary>
internal sealed class FileFingerprints
{
    private readonly int[] _codes;

    public FileFingerprints(DirectoryNode tree)
    {
        var codes = new HashSet<int>();
        var (seen, open) = (new HashSet<DirectoryNode>(), new Stack<DirectoryNode>([tree]));
        while (open.TryPop(out var node))
        {
            if (!seen.Add(node))
                continue;
            foreach (var file in node.Files)
            {
                if (!file.IsPrivate)
                    codes.Add(CodeOf(file));
            }
            foreach (var child in node.Children!)
                open.Push(child);
        }
        _codes = [.. codes];
        Array.Sort(_codes);
    }

    public bool MayHave(in FileItem file) => Array.BinarySearch(_codes, CodeOf(file)) >= 0;

    private static int CodeOf(in FileItem file) =>
        file.Executable ? ~file.Digest.GetHashCode() : file.Digest.GetHashCode();
}
