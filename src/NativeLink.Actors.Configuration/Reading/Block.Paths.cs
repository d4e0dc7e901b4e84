using NativeLink.Actors.Configuration.Syntax;

namespace NativeLink.Actors.Configuration.Reading;

/// <summary>Paths of directories that are ours to fill and to empty.</summary>
internal sealed partial class Block
{
    /// <returns>Absolute and without dots or a slash at its end; empty after an error.</returns>
    public string RequiredDirectory(string key) => Required(key) is null ? "" : Directory(key) ?? "";

    /// <returns>Null when it is not written, and after an error.</returns>
    public string? DirectoryOrNull(string key) =>
        Find(key) is { Value: not ScalarNode { Value: "" } } ? Directory(key) : null;

    private string? Directory(string key)
    {
        if (Find(key) is not { } found || _context.Text(found.Value) is not { } text)
            return null;
        if (text.Trim().Length == 0)
        {
            _context.Error(found.Value.At, "is empty: write the path of a directory of its own");
            return null;
        }

        if (text.Contains('\0'))
        {
            _context.Error(found.Value.At, "is no path: it has a NUL character in it");
            return null;
        }

        var path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(text));
        if (path == "/")
        {
            _context.Error(
                found.Value.At,
                "is the root of the file system: write the path of a directory of its own, " +
                "such as \"/var/lib/nativelink/work\"");
            return null;
        }

        if (text.StartsWith('~'))
            _context.Note(found.Value.At,
                $"'~' is not replaced by the home directory: this is {path}; write ${{HOME}} for the home directory");
        else if (text[0] != '/')
            _context.Note(found.Value.At, $"is relative to the directory that the program is started in: {path}");
        return path;
    }
}
