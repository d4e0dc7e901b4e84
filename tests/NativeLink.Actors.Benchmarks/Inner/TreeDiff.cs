using BenchmarkDotNet.Attributes;
using NativeLink.Actors.Benchmarks.Rig;
using NativeLink.Actors.Protocol;
using NativeLink.Actors.Storage.Trees;

namespace NativeLink.Actors.Benchmarks.Inner;

/// <summary>What differs between a tree and the same with some files changed.</summary>
public class TreeDiff
{
    private DirectoryNode _old = null!;
    private DirectoryNode _new = null!;

    [Params(1_000, 10_000)]
    public int Files { get; set; }

    [Params(1, 100)]
    public int Changed { get; set; }

    [GlobalSetup]
    public void Prepare()
    {
        var blobs = new BlobSet();
        var (old, changed) = (InputTrees.Add(blobs, Files, "diff"),
            InputTrees.Add(blobs, Files, "diff", InputTrees.Spread(Files, Changed), " changed"));
        var resolver = new TreeResolver(new DirectoryNodeCache(1_000_000), new TreeLimits());
        var source = new Messages(blobs);
        _old = resolver.ResolveAsync(old, source, CancellationToken.None).GetAwaiter().GetResult().Root;
        _new = resolver.ResolveAsync(changed, source, CancellationToken.None).GetAwaiter().GetResult().Root;
    }

    [Benchmark]
    public long Cost() => TreeDelta.Cost(_old, _new, long.MaxValue);

    [Benchmark]
    public int FilesToFetch()
    {
        var files = new HashSet<Digest>();
        TreeDelta.CollectFiles(_old, _new, files);
        return files.Count;
    }

    private sealed class Messages(BlobSet blobs) : ITreeSource
    {
        public Task<IReadOnlyDictionary<Digest, Reapi.Directory>> GetDirectoriesAsync(
        IReadOnlyCollection<Digest> directories, Func<Digest, Reapi.Directory, bool> isCold,
        CancellationToken cancellation) =>
            Task.FromResult<IReadOnlyDictionary<Digest, Reapi.Directory>>(directories.ToDictionary(
                static digest => digest, digest => Reapi.Directory.Parser.ParseFrom(blobs.Pending[digest])));

        public Task<IDisposable> FetchAsync(IReadOnlyCollection<Digest> files, CancellationToken cancellation) =>
            throw new NotSupportedException("nothing is fetched here");
    }
}
