using System.Globalization;
using System.Text;
using Google.Protobuf;
using NativeLink.Actors.Protocol;

namespace NativeLink.Actors.Benchmarks.Rig;

/// <summary>Input trees of the measurements: files of 4 KiB, 15 a directory, six levels deep.</summary>
internal static class InputTrees
{
    public const int FileBytes = 4096;
    private const int FilesPerDirectory = 15;

    /// <summary>Adds a tree and answers its root.</summary>
    /// <param name="tag">Trees of one tag have the same files; those of another tag share none.</param>
    /// <param name="changed">Files with these numbers have a content of their own.</param>
    public static Digest Add(
        BlobSet blobs, int files, string tag, IReadOnlySet<int>? changed = null, string change = "")
    {
        var root = new Node();
        for (var i = 0; i < files; i++)
        {
            var at = root;
            var parts = PathOf(i).Split('/');
            foreach (var part in parts[..^1])
                at = at.Directories.TryGetValue(part, out var next) ? next : at.Directories[part] = new Node();
            var content = Content(changed?.Contains(i) == true ? tag + change : tag, i);
            at.Files[parts[^1]] = blobs.Add(UnsafeByteOperations.UnsafeWrap(content));
        }
        return root.AddTo(blobs);
    }

    /// <summary>Where a file is below the root: five directories and a name.</summary>
    public static string PathOf(int file)
    {
        var leaf = file / FilesPerDirectory;
        return string.Create(CultureInfo.InvariantCulture,
            $"d{leaf / 256}/d{leaf / 64 % 4}/d{leaf / 16 % 4}/d{leaf / 4 % 4}/d{leaf % 4}/file-{file:D6}");
    }

    public static byte[] Content(string tag, int file)
    {
        var content = new byte[FileBytes];
        Array.Fill(content, (byte)'x');
        Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{tag} {file}\n"), content);
        return content;
    }

    /// <summary>So many files of a tree, spread evenly over its directories.</summary>
    public static IReadOnlySet<int> Spread(int files, int count) =>
        Enumerable.Range(0, count).Select(i => (int)((long)i * files / count)).ToHashSet();

    private sealed class Node
    {
        public SortedDictionary<string, Node> Directories { get; } = new(StringComparer.Ordinal);

        public SortedDictionary<string, Digest> Files { get; } = new(StringComparer.Ordinal);

        public Digest AddTo(BlobSet blobs)
        {
            var directory = new Reapi.Directory();
            foreach (var (name, digest) in Files)
                directory.Files.Add(new Reapi.FileNode { Name = name, Digest = digest.ToWire() });
            foreach (var (name, node) in Directories)
                directory.Directories.Add(new Reapi.DirectoryNode { Name = name, Digest = node.AddTo(blobs).ToWire() });
            return blobs.Add(directory);
        }
    }
}
