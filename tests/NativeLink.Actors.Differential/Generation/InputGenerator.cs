using NativeLink.Actors.Differential.Model;

namespace NativeLink.Actors.Differential.Generation;

/// <summary>
/// Draws input trees: nested, empty directories, equal directories, odd names, links of all kinds,
/// private modes, empty and binary files.
/// </summary>
internal sealed class InputGenerator(Chance chance)
{
    public const uint InputDirectoryMode = 0x1ED;
    private const int Deepest = 4;
    // An executable one is so for everybody (protos/README.md 4.3).
    private static readonly uint[] PrivateModes = [0x1A4, 0x1ED, 0x180, 0x1C9, 0x124, 0x16D, 0x1A0];

    public DirectoryItem Tree() => Directory(0);

    private DirectoryItem Directory(int depth)
    {
        var directory = new DirectoryItem(InputDirectoryMode);
        for (var left = chance.Below(depth == 0 ? 8 : 5); left > 0; left--)
            directory.Entries.TryAdd(chance.Name(), Entry(directory, depth));
        return directory;
    }

    private Node Entry(DirectoryItem around, int depth) => chance.Below(10) switch
    {
        < 5 => File(),
        < 8 when depth < Deepest => Directory(depth + 1),
        // The same content twice: one blob, one Directory message.
        8 when around.Entries.Count > 0 => chance.Pick([.. around.Entries.Values]).Copy(),
        _ => new LinkItem(Target(around)),
    };

    private FileItem File()
    {
        var content = chance.Below(10) switch
        {
            < 2 => [],
            < 3 => chance.Bytes(200_000),
            _ => chance.Bytes(2_000),
        };
        // Node properties of an empty file count too.
        if (chance.Percent(20))
            return new FileItem(content, chance.Pick(PrivateModes), own: true);
        return new FileItem(content, chance.Percent(40) ? 0x16Du : 0x124u, own: false);
    }

    private string Target(DirectoryItem around) => chance.Below(6) switch
    {
        < 3 when around.Entries.Count > 0 => chance.Pick([.. around.Entries.Keys]),
        3 => "nowhere/at all",
        4 => "/dev/null",
        5 => "./.",
        _ => chance.Name(),
    };
}
