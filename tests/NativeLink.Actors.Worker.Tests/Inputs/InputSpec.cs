using System.Collections.Concurrent;
using Google.Protobuf;
using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Storage.Trees;
using NativeLink.Actors.Worker.Inputs;
using NativeLink.Actors.Worker.Tests.Remote;

namespace NativeLink.Actors.Worker.Tests.Inputs;

/// <summary>An input source between a fake CAS and a store on disk.</summary>
public abstract class InputSpec : CasClientSpec
{
    private readonly string _directory = Directory.CreateTempSubdirectory("inputs-").FullName;
    private readonly ConcurrentBag<IDisposable> _sources = [];

    protected ContentStore Store { get; private set; } = null!;

    protected string StoreDirectory => Path.Combine(_directory, "content");

    private protected InputSource Source { get; private set; } = null!;

    public override async Task InitializeAsync()
    {
        await base.InitializeAsync();
        Store = ContentStore.Open(new ContentStoreOptions(StoreDirectory, Path.Combine(_directory, "temp")), TimeProvider.System);
        Source = NewSource();
    }

    public override async Task DisposeAsync()
    {
        foreach (var source in _sources)
            source.Dispose();
        await base.DisposeAsync();
        Store.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private protected InputSource NewSource(int retries = 0)
    {
        var source = new InputSource(Client(Options(retries)), Store, TaskScheduler.Default);
        _sources.Add(source);
        return source;
    }

    /// <summary>Puts a tree of the given depth and width into the CAS: each directory has one file and so many children.</summary>
    protected Digest PutTree(int depth, int width, string name = "root")
    {
        var directory = new Reapi.Directory { Files = { new Reapi.FileNode { Name = "f", Digest = Server.Put(System.Text.Encoding.UTF8.GetBytes(name)).ToWire() } } };
        for (var i = 0; depth > 1 && i < width; i++)
            directory.Directories.Add(new Reapi.DirectoryNode { Name = $"d{i}", Digest = PutTree(depth - 1, width, $"{name}/{i}").ToWire() });
        return Server.Put(directory);
    }

    /// <summary>Walks a tree as a materialiser does, level by level; the number of levels asked for.</summary>
    protected static async Task<Dictionary<Digest, Reapi.Directory>> WalkAsync(ITreeSource source, Digest root)
    {
        var all = new Dictionary<Digest, Reapi.Directory>();
        var open = new HashSet<Digest> { root };
        while (open.Count > 0)
        {
            foreach (var (digest, directory) in await source.GetDirectoriesAsync([.. open], static (_, _) => true, CancellationToken.None))
                all[digest] = directory;
            open = [.. all.Values.SelectMany(directory => directory.Directories).Select(child => Digest.FromWire(child.Digest, root.Function, "a child")).Where(child => !all.ContainsKey(child))];
        }
        return all;
    }

    protected byte[] Stored(Digest digest)
    {
        using var file = Store.TryOpenRead(digest) ?? throw new InvalidOperationException($"{digest} is not in the store");
        var bytes = new byte[digest.SizeBytes];
        Assert.Equal(bytes.Length, RandomAccess.Read(file, bytes, 0));
        return bytes;
    }

    protected Digest PutAction(Digest command, Digest root) =>
        Server.Put((IMessage)new Reapi.Action { CommandDigest = command.ToWire(), InputRootDigest = root.ToWire() });
}
