using System.Runtime.InteropServices;
using NativeLink.Actors.Cas;
using NativeLink.Actors.Worker.Inputs;
using NativeLink.Actors.Worker.Outputs;

namespace NativeLink.Actors.Simulation.World;

/// <summary>Something on the simulated disk; several names may lead to a file.</summary>
internal sealed class SimNode(FileKind kind, ulong inode)
{
    public FileKind Kind => kind;

    public ulong Inode => inode;

    public byte[] Data { get; init; } = [];

    /// <summary>Of a symlink.</summary>
    public string Target { get; init; } = "";

    public bool Executable { get; init; }

    public uint Links { get; set; } = 1;

    public Dictionary<string, SimNode> Entries { get; } = new(StringComparer.Ordinal);
}

/// <summary>
/// A disk in memory: names in an order of its own, inode numbers, hard and symbolic links. What is done to it is done
/// at once.
/// </summary>
internal sealed class SimDisk(Random random) : IOutputFiles, IOutputParents
{
    private const int MostLinks = 40;

    private readonly SimNode _root = new(FileKind.Directory, 1);
    private ulong _inode = 1;

    // --- what actions and the makers of input roots do ---

    public bool Exists(string path) => Find(path) is not null;

    public byte[] Read(string path) => Find(path) is { Kind: FileKind.Regular } file ? file.Data : throw NotThere(path);

    public IReadOnlyCollection<string> NamesIn(string path) => Find(path)?.Entries.Keys.ToList() ?? [];

    public void MakeDirectory(string path)
    {
        var at = _root;
        foreach (var name in Parts(path))
        {
            if (!at.Entries.TryGetValue(name, out var next))
                at.Entries.Add(name, next = new SimNode(FileKind.Directory, ++_inode));
            at = next;
        }
    }

    public void Write(string path, byte[] data, bool executable = false) =>
        Put(path, new SimNode(FileKind.Regular, ++_inode) { Data = data, Executable = executable });

    public void Symlink(string path, string target) =>
        Put(path, new SimNode(FileKind.Symlink, ++_inode) { Target = target });

    public void HardLink(string path, string to)
    {
        var file = Find(to) ?? throw NotThere(to);
        file.Links++;
        Put(path, file);
    }

    public void Delete(string path)
    {
        if (Find(Path.GetDirectoryName(path)!) is { } parent
            && parent.Entries.Remove(Path.GetFileName(path), out var gone))
            gone.Links--;
    }

    string IOutputParents.Create(
        string root, IEnumerable<string> parents, string workingDirectory, CancellationToken cancellation)
    {
        foreach (var parent in parents)
            MakeDirectory($"{root}/{parent}");
        return workingDirectory.Length == 0 ? root : $"{root}/{workingDirectory}";
    }

    // --- what the scanner of outputs asks ---

    public SafeHandle? OpenPlace(SafeHandle from, string path) =>
        Opened(Walk(Of(from), path, follow: true), FileKind.Directory);

    public SafeHandle? OpenRoot(string path) => Opened(Walk((_root, ""), path, follow: false), FileKind.Directory);

    public SafeHandle? OpenPath(SafeHandle from, string name) => Opened(Walk(Of(from), name, follow: false), null);

    public SafeHandle OpenDirectory(SafeHandle from, string name, string path) =>
        OpenPlace(from, name) ?? throw NotThere(path);

    public SafeHandle? OpenTarget(SafeHandle from, string name, out string whyNot)
    {
        var target = Opened(Walk(Of(from), name, follow: true), null);
        whyNot = target is null ? "it leads nowhere" : "";
        return target;
    }

    public bool MayRead(SafeHandle target, out string whyNot)
    {
        whyNot = "";
        return true;
    }

    public bool IsInProc(SafeHandle file) => false;

    public string RealPath(SafeHandle file) => Of(file).Path;

    public FileStatus Status(SafeHandle from, string name, bool follow)
    {
        if (Walk(Of(from), name, follow) is not { } found)
            return default;
        var (node, _) = found;
        var mode = node.Executable ? 0x1edu : 0x1a4;
        return new FileStatus(node.Kind, mode, node.Links, node.Data.Length, 0, 0, false,
            new FileIdentity(1, node.Inode));
    }

    public string ReadLink(SafeHandle from, string name) =>
        Walk(Of(from), name, follow: false)?.Node.Target ?? throw NotThere(name);

    /// <summary>In another order each time, as a disk may have them.</summary>
    public List<string> Names(SafeHandle directory)
    {
        string[] names = [.. Of(directory).Node.Entries.Keys];
        random.Shuffle(names);
        return [.. names];
    }

    public BlobSource OpenFile(string path) => new(Read(path), null, path);

    public long LengthOf(string path) => Find(path)?.Data.Length ?? 0;

    // --- names ---

    private SimNode? Find(string path) => Walk((_root, ""), path, follow: false)?.Node;

    private void Put(string path, SimNode node)
    {
        var parent = Find(Path.GetDirectoryName(path)!) ?? throw NotThere(path);
        parent.Entries[Path.GetFileName(path)] = node;
    }

    /// <summary>
    /// By names from a place on; <paramref name="follow"/> says it of the last one, those on the way are followed.
    /// </summary>
    private (SimNode Node, string Path)? Walk((SimNode Node, string Path) from, string path, bool follow)
    {
        var trail = new List<(SimNode Node, string Path)> { path.StartsWith('/') ? (_root, "") : from };
        var pending = new Stack<string>(Parts(path).Reverse());
        for (var links = 0; pending.TryPop(out var name);)
        {
            var (at, where) = trail[^1];
            if (name == ".")
                continue;
            if (name == "..")
            {
                // From a place inside, what is above it is found from the top.
                if (trail.Count == 1)
                    return Walk((_root, ""), string.Join('/', [Path.GetDirectoryName(where) ?? "", .. pending]),
                        follow);
                trail.RemoveAt(trail.Count - 1);
                continue;
            }
            if (!at.Entries.TryGetValue(name, out var next))
                return null;
            if (next.Kind != FileKind.Symlink || (pending.Count == 0 && !follow))
            {
                trail.Add((next, $"{where}/{name}"));
                continue;
            }
            if (++links > MostLinks)
                return null;
            if (next.Target.StartsWith('/'))
                trail = [(_root, "")];
            foreach (var part in Parts(next.Target).Reverse())
                pending.Push(part);
        }
        return trail[^1];
    }

    private static string[] Parts(string path) => path.Split('/', StringSplitOptions.RemoveEmptyEntries);

    private static (SimNode Node, string Path) Of(SafeHandle handle) => ((Handle)handle).Place;

    private static Handle? Opened((SimNode Node, string Path)? found, FileKind? kind) =>
        found is { } place && (kind is null || place.Node.Kind == kind) ? new Handle(place) : null;

    private static FaultException NotThere(string path) => new(FaultKind.Worker, $"{path} is not there");

    private sealed class Handle((SimNode Node, string Path) place) : SafeHandle(0, ownsHandle: false)
    {
        public (SimNode Node, string Path) Place => place;

        public override bool IsInvalid => false;

        protected override bool ReleaseHandle() => true;
    }
}
