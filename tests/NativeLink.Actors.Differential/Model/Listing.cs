using System.Text;

namespace NativeLink.Actors.Differential.Model;

/// <summary>A listing of a tree, by find(1) and from the model: kind, mode of files, path, target of links.</summary>
internal static class Listing
{
    public const string Command =
        @"find . -mindepth 1 \( -type f -printf 'f %m %P\0' -o -type l -printf 'l %P\n%l\0' " +
        @"-o -type d -printf 'd %P\0' -o -printf '? %P\0' \) | LC_ALL=C sort -z";

    public static byte[] Of(DirectoryItem root)
    {
        var lines = new SortedSet<string>(ByteOrder.Instance);
        foreach (var (path, node) in new Disk(root).All())
        {
            lines.Add(node switch
            {
                FileItem file => $"f {Convert.ToString(file.Mode, 8)} {path}",
                LinkItem link => $"l {path}\n{link.Target}",
                DirectoryItem => $"d {path}",
                _ => $"? {path}",
            });
        }
        return Encoding.UTF8.GetBytes(string.Concat(lines.Select(line => line + "\0")));
    }
}
