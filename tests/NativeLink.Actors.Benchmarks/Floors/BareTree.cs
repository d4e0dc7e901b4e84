using System.Globalization;
using NativeLink.Actors.Benchmarks.Rig;

namespace NativeLink.Actors.Benchmarks.Floors;

/// <summary>The files of an input tree on disk, made by nothing but the calls that it takes.</summary>
internal static class BareTree
{
    /// <summary>Writes every file of a tree into one directory.</summary>
    public static void Write(string directory, int files, string tag)
    {
        Native.MakeDirectory(directory);
        for (var i = 0; i < files; i++)
            Native.Write(At(directory, i), InputTrees.Content(tag, i));
    }

    /// <summary>Links the files that <see cref="Write"/> made into a tree.</summary>
    public static void Link(string from, string tree, int files)
    {
        MakeDirectories(tree, files);
        for (var i = 0; i < files; i++)
            Native.Link(At(from, i), Path.Combine(tree, InputTrees.PathOf(i)));
    }

    /// <summary>Copies them into a tree.</summary>
    public static void Copy(string from, string tree, int files)
    {
        MakeDirectories(tree, files);
        Span<byte> buffer = new byte[InputTrees.FileBytes];
        for (var i = 0; i < files; i++)
            Native.Write(Path.Combine(tree, InputTrees.PathOf(i)), buffer[..Native.Read(At(from, i), buffer)]);
    }

    /// <summary>The paths of a tree's files, made before the time is taken.</summary>
    public static string[] Paths(string tree, int files) =>
        [.. Enumerable.Range(0, files).Select(i => Path.Combine(tree, InputTrees.PathOf(i)))];

    /// <summary>Opens and reads every file.</summary>
    public static void Read(string[] paths)
    {
        Span<byte> buffer = new byte[InputTrees.FileBytes];
        foreach (var path in paths)
            _ = Native.Read(path, buffer);
    }

    private static string At(string directory, int file) =>
        Path.Combine(directory, file.ToString(CultureInfo.InvariantCulture));

    private static void MakeDirectories(string tree, int files)
    {
        Native.MakeDirectory(tree);
        var made = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < files; i++)
        {
            var path = InputTrees.PathOf(i);
            for (var at = path.IndexOf('/', StringComparison.Ordinal); at > 0; at = path.IndexOf('/', at + 1))
                if (made.Add(path[..at]))
                    Native.MakeDirectory(Path.Combine(tree, path[..at]));
        }
    }
}
