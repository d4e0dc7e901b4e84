using NativeLink.Actors.Simulation.World;
using NativeLink.Actors.Storage.Materialisers;
using NativeLink.Actors.Storage.Trees;

namespace NativeLink.Actors.Simulation.Ports;

/// <summary>
/// Input roots on the simulated disk, asked for as the real makers do: directories level by level, then the files,
/// leased while they are linked.
/// </summary>
internal sealed class SimRoots(SimWorld world, SimDisk disk, SimStore store) : IInputRoots
{
    private const int MostCached = 6;

    private readonly OrderedDictionary<Digest, Dictionary<string, (byte[] Data, bool Executable)>> _cached = [];

    public string Description => "simulated";

    public bool IsCached(in Digest root) => _cached.ContainsKey(root);

    public async Task<IInputRoot> MaterialiseAsync(
        Digest root, string destination, ITreeSource source, CancellationToken cancellation)
    {
        var wasCached = _cached.TryGetValue(root, out var files);
        world.Trace.Add($"roots make {SimWorld.Short(root)} at {destination} cached {wasCached}");
        files ??= await FetchAsync(root, source, cancellation);
        await world.DelayAsync(1, world.Strike(SimFault.DiskSlow, destination) ? 8000 : wasCached ? 2 : 10,
            cancellation);
        disk.MakeDirectory(destination);
        foreach (var (path, (data, executable)) in files)
        {
            disk.MakeDirectory(Path.GetDirectoryName($"{destination}/{path}")!);
            disk.Write($"{destination}/{path}", data, executable);
        }
        _cached[root] = files;
        if (_cached.Count > MostCached)
            _cached.RemoveAt(0);
        return new Root(world, disk, destination, wasCached);
    }

    public void Dispose()
    {
    }

    private async Task<Dictionary<string, (
        byte[], bool)>> FetchAsync(Digest root, ITreeSource source, CancellationToken cancellation)
    {
        var nodes = new Dictionary<string, Reapi.FileNode>();
        var level = new Dictionary<string, Digest> { [""] = root };
        while (level.Count > 0)
        {
            var known = await source.GetDirectoriesAsync(
                [.. level.Values.Distinct()], static (_, _) => false, cancellation);
            var next = new Dictionary<string, Digest>();
            foreach (var (path, digest) in level)
            {
                foreach (var file in known[digest].Files)
                    nodes.Add(path + file.Name, file);
                foreach (var child in known[digest].Directories)
                    next.Add($"{path}{child.Name}/", Digest.FromWire(child.Digest, root.Function, "a child"));
            }
            level = next;
        }
        var digests = nodes.ToDictionary(node => node.Key,
            node => Digest.FromWire(node.Value.Digest, root.Function, "a file"));
        using var leases = await source.FetchAsync([.. digests.Values.Distinct()], cancellation);
        // Linking takes a moment, in which nothing of it may go.
        await world.DelayAsync(1, 5, cancellation);
        return digests.ToDictionary(pair => pair.Key, pair => (store.Read(pair.Value), nodes[pair.Key].IsExecutable));
    }

    private sealed class Root(SimWorld world, SimDisk disk, string path, bool cached) : IInputRoot
    {
        public string Path => path;

        public string Materialiser => "copy";

        public bool Cached => cached;

        public long Bytes => 0;

        public string? UpperLayerPath(string path) => disk.Exists(path) ? path : null;

        public void Dispose() => world.Trace.Add($"roots unmount {path}");
    }
}
