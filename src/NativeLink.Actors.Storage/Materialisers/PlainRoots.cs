using NativeLink.Actors.Storage.DirectoryCache;
using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Storage.Trees;

namespace NativeLink.Actors.Storage.Materialisers;

/// <summary>
/// Input roots written out for each action: reflinks or copies, which are its own; or, only where
/// the configuration forces it, hard links, whose targets are checked after the run.
/// </summary>
internal sealed class PlainRoots(
    string name, DirectoryNodeCache nodes, TreeResolver resolver, ContentStore store, UpperDirectories uppers,
    InputRootsCounters counters)
{
    private readonly SingleFlight<(DirectoryNode Root, bool Known)> _flights = new(static _ => { });

    private FileMaking Making => name == "hardlink" ? FileMaking.Link : FileMaking.Copy;

    public async Task<IInputRoot> MaterialiseAsync(
        Digest root, string destination, ITreeSource source, CancellationToken cancellation)
    {
        var (node, known) = await _flights.RunAsync(
            root,
            async token =>
            {
                var (resolved, asked) = await resolver.ResolveAsync(root, source, token);
                counters.AddDirectories(asked, resolved.Size.Directories);
                nodes.Retain(resolved);
                return (resolved, asked == 0);
            },
            static resolved => resolved,
            cancellation);
        counters.AddRoot(known);
        var files = node.AllFiles();
        return await TreeConstruction.WithFilesAsync(
            files, source, () => Write(node, files, destination, known, cancellation), cancellation);
    }

    private PlainRoot Write(
        DirectoryNode node, HashSet<Digest> files, string destination, bool known, CancellationToken cancellation)
    {
        if (Libc.MakeDirectoryAt(Libc.AtFdCwd, destination, 0x1ED) != 0)
            throw DiskFault.Last($"input root {destination} cannot be made");
        try
        {
            var guard = Making == FileMaking.Link ? new HardLinkGuard(store, node, files) : null;
            new TreeWriter(store.Links, Making, null, cancellation).WriteTree(node, destination);
            return new PlainRoot(this, destination, known, guard, node.Size.Bytes);
        }
        catch
        {
            uppers.Discard(destination);
            throw;
        }
    }

    private sealed class PlainRoot(
        PlainRoots owner, string path, bool cached, HardLinkGuard? guard, long bytes) : IInputRoot
    {
        private int _disposed;

        public string Path => path;

        public string Materialiser => owner.Name;

        public bool Cached => cached;

        public long Bytes => bytes;

        public string? UpperLayerPath(string path) =>
            Libc.StatxAt(Libc.AtFdCwd, path, Libc.AtSymlinkNoFollow, StatxBuffer.Basic, out var file) == 0
            && Libc.StatxAt(Libc.AtFdCwd, owner.BlobDirectory, 0, StatxBuffer.Basic, out var blobs) == 0
            && file.IsRegular && file.LinkCount == 1 && file.Device == blobs.Device
            && path.StartsWith(Path + "/", StringComparison.Ordinal)
                ? path
                : null;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _disposed, 1) != 0)
                return;
            guard?.QuarantineChanged();
            owner.Discard(Path);
        }
    }

    private string Name => name;

    private string BlobDirectory => store.BlobDirectory;

    private void Discard(string path) => uppers.Discard(path);
}
