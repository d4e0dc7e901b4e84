using Akka.Actor;
using Google.Protobuf;
using NativeLink.Actors.Cas;
using NativeLink.Actors.Cas.Tests;
using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Storage.Materialisers;
using NativeLink.Actors.Storage.Trees;
using NativeLink.Actors.Worker.Inputs;
using NativeLink.Actors.Worker.Telemetry;
using static NativeLink.Actors.Worker.Inputs.DownloadProtocol;

namespace NativeLink.Actors.Worker.Tests.Inputs;

/// <summary>A downloader between a fake CAS and a store on disk, and what makers of input roots ask of it.</summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage("Design", "CA1001",
    Justification = "xUnit ends it by IAsyncLifetime.")]
public abstract class InputSpec : CasClientSpec
{
    private readonly TempDirectory _directory = new();
    private readonly ActorSystem _system = ActorSystem.Create("inputs", WorkerHocon.Reference());

    private protected ContentStore Store { get; private set; } = null!;

    protected string StoreDirectory => _directory.At("content");

    private protected InputSource Source { get; private set; } = null!;

    public override async Task InitializeAsync()
    {
        await base.InitializeAsync();
        Store = ContentStore.Open(new ContentStoreOptions(StoreDirectory, _directory.At("temp")), TimeProvider.System);
        Source = NewSource();
    }

    public override async Task DisposeAsync()
    {
        await _system.Terminate();
        await base.DisposeAsync();
        Store.Dispose();
        _directory.Dispose();
    }

    private protected InputSource NewSource(int retries = 0)
    {
        return NewSource(Client(Options(retries)), Store);
    }

    private protected InputSource NewSource(ICasClient cas, ContentStore store)
    {
        var arrivals = new ArrivalCount();
        var downloader = _system.ActorOf(CasDownloader.CreateProps(
            cas, store, new NoRoots(), new OutputParents(), arrivals, TimeProvider.System, null));
        return new InputSource(downloader, new DownloaderSource(downloader, cas, store, arrivals));
    }

    /// <summary>
    /// Puts a tree of the given depth and width into the CAS:
    /// each directory has one file and so many children.
    /// </summary>
    protected Digest PutTree(int depth, int width, string name = "root")
    {
        var directory = new Reapi.Directory
        {
            Files = { new Reapi.FileNode
            {
                Name = "f",
                Digest = Server.Put(System.Text.Encoding.UTF8.GetBytes(name)).ToWire(),
            } },
        };
        for (var i = 0; depth > 1 && i < width; i++)
            directory.Directories.Add(new Reapi.DirectoryNode
            {
                Name = $"d{i}",
                Digest = PutTree(depth - 1, width, $"{name}/{i}").ToWire(),
            });
        return Server.Put(directory);
    }

    /// <summary>Walks a tree as a materialiser does, level by level; the number of levels asked for.</summary>
    private protected static async Task<Dictionary<Digest, Reapi.Directory>> WalkAsync(ITreeSource source, Digest root)
    {
        var all = new Dictionary<Digest, Reapi.Directory>();
        var open = new HashSet<Digest> { root };
        while (open.Count > 0)
        {
            foreach (var (digest, directory) in await source.GetDirectoriesAsync(
                [.. open], static (_, _) => true, CancellationToken.None))
                all[digest] = directory;
            open = [.. all.Values.SelectMany(directory => directory.Directories)
                .Select(child => Digest.FromWire(child.Digest, root.Function, "a child"))
                .Where(child => !all.ContainsKey(child))];
        }
        return all;
    }

    protected byte[] Stored(Digest digest)
    {
        using var file = Store.TryOpenRead(digest)
            ?? throw new InvalidOperationException($"{digest} is not in the store");
        var bytes = new byte[digest.SizeBytes];
        Assert.Equal(bytes.Length, RandomAccess.Read(file, bytes, 0));
        return bytes;
    }

    protected Digest PutAction(Digest command, Digest root) =>
        Server.Put((IMessage)new Reapi.Action { CommandDigest = command.ToWire(), InputRootDigest = root.ToWire() });

    /// <summary>What an executor and a maker of input roots ask of a downloader.</summary>
    private protected sealed class InputSource(IActorRef downloader, ITreeSource source) : ITreeSource
    {
        public async Task<(Reapi.Action Action, Reapi.Command Command)> LoadActionAsync(
            Digest action, CancellationToken cancellation)
        {
            var answer = await downloader.Ask<object>(new LoadAction(AttemptId.Next(new OperationId("op")), action),
                TimeSpan.FromSeconds(60), cancellation);
            return answer is ActionLoaded loaded
                ? (loaded.Action, loaded.Command)
                : throw new FaultException(Assert.IsType<DownloadFailed>(answer).Fault);
        }

        public Task<IReadOnlyDictionary<Digest, Reapi.Directory>> GetDirectoriesAsync(
            IReadOnlyCollection<Digest> directories, Func<Digest, Reapi.Directory, bool> isCold,
            CancellationToken cancellation) =>
            source.GetDirectoriesAsync(directories, isCold, cancellation);

        public Task<IDisposable> FetchAsync(IReadOnlyCollection<Digest> files, CancellationToken cancellation) =>
            source.FetchAsync(files, cancellation);
    }

    private sealed class NoRoots : IInputRoots
    {
        public string Description => "none";

        public bool IsCached(in Digest root) => false;

        public Task<IInputRoot> MaterialiseAsync(Digest root, string destination, ITreeSource source,
            CancellationToken cancellation) => throw new NotSupportedException();

        public void Dispose()
        {
        }
    }
}
