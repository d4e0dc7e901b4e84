using NativeLink.Actors.Differential.Model;

namespace NativeLink.Actors.Differential.Generation;

/// <summary>Draws what an action does, each step possible in the state that the steps before it have left.</summary>
internal sealed class ActionSteps(Chance chance, Steps steps, bool modesCount)
{
    private const int Deepest = 3;
    private static readonly uint[] WholeModes = [0x1A4, 0x1ED, 0x180, 0x1C9, 0x124, 0x16D, 0x1A0];
    private static readonly uint[] AllModes = [.. WholeModes, 0x1C0, 0x1A1, 0x109];

    private Disk Disk => steps.Disk;

    /// <summary>
    /// Where modes come back as inputs, an executable file is so for everybody (protos/README.md
    /// 4.3); else any bit will do.
    /// </summary>
    private uint[] Modes => modesCount ? WholeModes : AllModes;

    /// <summary>Removes, renames, rewrites or adds something anywhere.</summary>
    public void ChangeSomething()
    {
        var all = Disk.All().ToList();
        if (all.Count == 0)
            return;
        var (path, node) = chance.Pick(all);
        switch (chance.Below(6))
        {
            case 0:
                steps.Remove(path);
                break;
            // A link to its parent directory would lead out of the root from there.
            case 1 when node is not LinkItem { Target: ".." }:
                Move(path);
                break;
            case 2 when node is FileItem file:
                steps.Remove(path);
                steps.Write(path, chance.Text(Math.Min(file.Content.Length, 2_000)));
                break;
            case 3 when node is FileItem { Own: true } file:
                steps.ChangeMode(path, file, chance.Pick(Modes));
                break;
            case 4 when node is FileItem { Own: true } file:
                steps.Append(path, file, chance.Text(300));
                break;
            default:
                MakeAnything(FreeIn(chance.Pick([.. Disk.Directories()]).Path), 0);
                break;
        }
    }

    /// <summary>Makes a declared output, mostly; what is in its place stays.</summary>
    public void MakeOutput(string path)
    {
        var slash = path.LastIndexOf('/');
        if (path.Length == 0 || chance.Percent(15) || Disk.Resolve(
            slash < 0 ? "" : path[..slash], followLast: true) is not { Node: DirectoryItem, Path: var parent })
            return;
        var place = Disk.Join(parent, path[(slash + 1)..]);
        if (Disk.Get(place) is null)
            MakeAnything(place, 0);
    }

    public void Talk()
    {
        var files = Disk.All().Where(entry => entry.Node is FileItem).ToList();
        for (var left = chance.Below(4); left > 0; left--)
        {
            switch (chance.Below(8))
            {
                case 0 when files.Count > 0:
                    var (path, node) = chance.Pick(files);
                    steps.PrintFile(path, (FileItem)node);
                    break;
                case 1 when chance.Percent(20):
                    steps.PrintBig(chance.Below(3_000_000), 'o');
                    break;
                default:
                    steps.Print(chance.Text(2_000), chance.Percent(50));
                    break;
            }
        }
    }

    private void MakeAnything(string? path, int depth)
    {
        if (path is null)
            return;
        switch (chance.Below(12))
        {
            case < 5:
                MakeFile(path);
                break;
            case < 8:
                MakeDirectory(path, depth);
                break;
            case 8:
                steps.MakeLink(path, Target(path));
                break;
            case 9 when Disk.All().ToList() is { Count: > 0 } all:
                steps.MakeRootedLink(path, chance.Pick(all).Path);
                break;
            // Below an output directory only: as an output of its own a fifo fails the action.
            case 10 when depth > 0:
                steps.MakePipe(path);
                break;
            default:
                steps.Write(path, "");
                break;
        }
    }

    private void MakeFile(string path)
    {
        var files = Disk.All().Where(entry => entry.Node is FileItem).ToList();
        switch (chance.Below(8))
        {
            case 0 when chance.Percent(40):
                steps.WriteBig(path, chance.Below(5_000_000), (char)('a' + chance.Below(26)));
                break;
            case 1 or 2 when files.Count > 0:
                var (from, node) = chance.Pick(files);
                steps.CopyFile(from, (FileItem)node, path);
                break;
            default:
                steps.Write(path, chance.Text(2_000));
                break;
        }
        if (chance.Percent(40))
            steps.ChangeMode(path, (FileItem)Disk.Get(path)!, chance.Pick(Modes));
    }

    private void MakeDirectory(string path, int depth)
    {
        steps.MakeDirectory(path);
        if (depth >= Deepest)
            return;
        for (var left = chance.Below(5); left > 0; left--)
            MakeAnything(FreeIn(path), depth + 1);
        if (!chance.Percent(25))
            return;
        // Two equal directories are one message in the Tree.
        foreach (var twin in new[] { Disk.Join(path, "twin 1"), Disk.Join(path, "twin 2") })
        {
            steps.MakeDirectory(twin);
            steps.Write(Disk.Join(twin, "same"), "same");
        }
    }

    private void Move(string path)
    {
        var places = Disk.Directories().Select(entry => entry.Path)
            .Where(place => place != path && !place.StartsWith(path + "/", StringComparison.Ordinal)).ToList();
        if (FreeIn(chance.Pick(places)) is { } to)
            steps.Move(path, to);
    }

    private string? FreeIn(string directory)
    {
        var path = Disk.Join(directory, chance.Name());
        return Disk.Get(path) is null ? path : null;
    }

    private string Target(string path) => chance.Below(6) switch
    {
        0 => "nowhere",
        1 => "/dev/null",
        2 => "/nowhere at all",
        3 when path.Contains('/', StringComparison.Ordinal) => "..",
        4 => chance.Name(),
        _ => "./" + chance.Name(),
    };
}
