using Akka.Actor;
using Akka.Streams;
using NativeLink.Actors.Cas;
using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Storage.Materialisers;
using NativeLink.Actors.Storage.Trees;
using NativeLink.Actors.Worker.Telemetry;
using NativeLink.Actors.Worker.Transfers;
using static NativeLink.Actors.Worker.Inputs.DownloadProtocol;
using static NativeLink.Actors.Worker.Inputs.FetchProtocol;

namespace NativeLink.Actors.Worker.Inputs;

/// <summary>
/// Brings what actions need from the CAS onto this disk. Owns what is wanted and who waits for
/// which digest, the remembered messages, and a fixed number of calls: small blobs travel in
/// batches filled across actions, large ones in streams, each once however many want it. Shared by
/// all executors, supervised by the pool; hears LoadAction, StageInputs and CancelDownload, and
/// gives each request exactly one answer, also when it is restarted. A root that is not cached is
/// made by a child, which asks back for what it lacks (<see cref="FetchProtocol"/>).
/// </summary>
internal sealed class CasDownloader : TransferActor
{
    private const int BatchCalls = 8;
    private const int Streams = 8;

    private readonly WantedBlobs _wanted;
    private readonly MessageCaches _known = new();
    private readonly Dictionary<object, Fetch> _fetches = [];
    private readonly Dictionary<AttemptId, (ActionLoad Load, IActorRef ReplyTo)> _loads = [];
    private readonly HashSet<object> _batches = [];
    private readonly HashSet<object> _streams = [];
    private readonly ICasClient _cas;
    private readonly ILocalStore _store;
    private readonly IInputRoots _roots;
    private readonly IOutputParents _parents;
    private readonly ArrivalCount _arrivals;
    private readonly BlobFetcher _fetcher;
    private readonly DownloaderSource _source;
    private ActorMaterializer? _materializer;
    private readonly Func<StageInputs, ITreeSource, CancellationToken, Props> _staging;

    /// <summary>
    /// Use <see cref="CreateProps(ICasClient, ILocalStore, IInputRoots, IOutputParents, TimeProvider)"/>; Akka itself
    /// calls this.
    /// </summary>
    internal CasDownloader(
        ICasClient cas, ILocalStore store, IInputRoots roots, IOutputParents parents, ArrivalCount arrivals,
        RestartPause restarts, Func<StageInputs, ITreeSource, CancellationToken, Props>? staging)
        : base("downloader", restarts)
    {
        (_cas, _store, _roots, _parents, _arrivals) = (cas, store, roots, parents, arrivals);
        _wanted = new WantedBlobs(cas);
        _fetcher = new BlobFetcher(cas, store, arrivals, Lifetime);
        _source = new DownloaderSource(Self, cas, store, arrivals);
        _staging = staging ?? ((request, source, stop) =>
            TransferWork.CreateProps(cancelled => StageAsync(roots, parents, request, source, cancelled), stop));
    }

    /// <summary>The client, the store and the roots stay their owner's; they outlive a restart of the actor.</summary>
    public static Props CreateProps(
        ICasClient cas, ILocalStore store, IInputRoots roots, IOutputParents parents, TimeProvider time) =>
        CreateProps(cas, store, roots, parents, new ArrivalCount(), time, null);

    /// <param name="staging">Makes the child that stages the inputs of one action; null: the usual one.</param>
    internal static Props CreateProps(
        ICasClient cas, ILocalStore store, IInputRoots roots, IOutputParents parents, ArrivalCount arrivals,
        TimeProvider time, Func<StageInputs, ITreeSource, CancellationToken, Props>? staging)
    {
        var restarts = new RestartPause(time);
        return Props.CreateBy(new Maker<CasDownloader>(
                () => new CasDownloader(cas, store, roots, parents, arrivals, restarts, staging)))
            .WithDispatcher(WorkerHocon.StepsDispatcher);
    }

    private protected override void BreakPromises(Fault fault)
    {
        foreach (var (load, _) in _loads.Values.ToList())
            load.Break(fault);
        foreach (var fetch in _fetches.Values)
            fetch.Break(fault);
    }

    private protected override object Failed(AttemptId id, Fault fault) => new DownloadFailed(id, fault);

    private protected override void Ready()
    {
        Receive<LoadAction>(OnLoadAction);
        Receive<StageInputs>(OnStageInputs);
        Receive<CancelDownload>(request => Cancel(request.Id));
        Receive<FetchFiles>(OnFetchFiles);
        Receive<FetchDirectories>(OnFetchDirectories);
        Receive<GiveUp>(OnGiveUp);
        Receive<RememberDirectories>(OnRememberDirectories);
        Receive<BatchArrived>(OnBatchArrived);
        Receive<StreamArrived>(OnStreamArrived);
    }

    private protected override bool IsHeld(AttemptId id) => _loads.ContainsKey(id) || base.IsHeld(id);

    private protected override void Cancel(AttemptId id)
    {
        if (_loads.TryGetValue(id, out var load))
            load.Load.Break(Aborted);
        base.Cancel(id);
    }

    // --- requests ---

    private void OnLoadAction(LoadAction request)
    {
        var load = new ActionLoad(request, _wanted, _known, answer => OnLoaded(request.Id, answer));
        _loads.Add(request.Id, (load, Sender));
        load.Begin();
        StartCalls();
    }

    private void OnLoaded(AttemptId id, object answer)
    {
        if (!_loads.Remove(id, out var load))
            return;
        load.Load.Leave();
        load.ReplyTo.Tell(answer);
    }

    private void OnStageInputs(StageInputs request)
    {
        // A cached root takes a mount and a look at each directory: that runs beside, and needs no child.
        if (_roots.IsCached(request.InputRoot))
            Hold(request.Id, stop => StageAsync(_roots, _parents, request, _source, stop));
        else
            HoldByChild(request.Id, stop => _staging(request, _source, stop));
    }

    private static async Task<object> StageAsync(
        IInputRoots roots, IOutputParents parents, StageInputs request, ITreeSource source, CancellationToken stop)
    {
        var workingDirectory = "";
        var root = await request.Directory.StageAsync(async path =>
        {
            var made = await roots.MaterialiseAsync(request.InputRoot, path, source, stop);
            try
            {
                // In here: as long as something is made in it, the directory stays.
                workingDirectory = parents.Create(made.Path, request.OutputParents, request.WorkingDirectory, stop);
                return made;
            }
            catch
            {
                made.Dispose();
                throw;
            }
        });
        WorkerMetrics.RecordInputRoot(root.Materialiser, root.Cached);
        return new InputsStaged(request.Id, root, workingDirectory);
    }

    private void OnFetchFiles(FetchFiles request)
    {
        var fetch = new FileFetch(request, _wanted, answer => _fetches.Remove(answer));
        _fetches.Add(request.Answer, fetch);
        fetch.Begin(_store, _arrivals.Now != request.Arrivals);
        StartCalls();
    }

    private void OnFetchDirectories(FetchDirectories request)
    {
        var fetch = new DirectoryFetch(request, _wanted, _known.Directories, answer => _fetches.Remove(answer));
        _fetches.Add(request.Answer, fetch);
        fetch.Begin();
        StartCalls();
    }

    private void OnGiveUp(GiveUp request)
    {
        if (!_fetches.Remove(request.Promise, out var fetch))
            return;
        fetch.Leave();
        fetch.Break(Aborted);
    }

    private void OnRememberDirectories(RememberDirectories request)
    {
        foreach (var (digest, directory) in request.Directories)
            _known.Add(digest, directory);
    }

    // --- calls ---

    private void StartCalls()
    {
        while (_batches.Count < BatchCalls && _wanted.TakeBatch(_cas.MaxBatchBytes) is { Count: > 0 } batch)
        {
            _batches.Add(batch);
            Start(() => _fetcher.FetchBatchAsync(batch), fetched => new BatchArrived(batch, fetched));
        }
        while (_streams.Count < Streams && _wanted.TakeLarge() is { } blob)
        {
            _streams.Add(blob);
            var stop = blob.Stop = CancellationTokenSource.CreateLinkedTokenSource(Lifetime);
            // Its graphs are children of this actor, and end with it.
            var materializer = _materializer is { IsShutdown: false } running
                ? running
                : _materializer = Context.Materializer();
            Start(() => _fetcher.FetchLargeAsync(blob, materializer, stop.Token),
                fetched => new StreamArrived(stop, fetched));
        }
    }

    private void OnBatchArrived(BatchArrived arrived)
    {
        // A call from before a restart: what waited for it has been answered.
        if (!_batches.Remove(arrived.Batch))
        {
            arrived.Dispose();
            return;
        }
        foreach (var fetched in arrived.Fetched)
            Settle(fetched);
        StartCalls();
    }

    private void OnStreamArrived(StreamArrived arrived)
    {
        arrived.Stop.Dispose();
        if (!_streams.Remove(arrived.Fetched.Blob))
        {
            arrived.Dispose();
            return;
        }
        arrived.Fetched.Blob.Stop = null;
        Settle(arrived.Fetched);
        StartCalls();
    }

    private void Settle(in Fetched fetched)
    {
        if (fetched.IsCorrupt && !fetched.Blob.IsSecondTry)
        {
            _wanted.TryAgain(fetched.Blob);
            return;
        }
        if (fetched.Arrival.Message is { } message)
            _known.Add(fetched.Blob.Digest, message);
        _wanted.Settle(fetched.Blob, fetched.Arrival);
    }

    /// <param name="Batch">Which call it is.</param>
    private sealed record BatchArrived(object Batch, IReadOnlyList<Fetched> Fetched) : IDisposable
    {
        public void Dispose()
        {
            foreach (var fetched in Fetched)
                fetched.Arrival.Lease?.Dispose();
        }
    }

    private sealed record StreamArrived(CancellationTokenSource Stop, Fetched Fetched) : IDisposable
    {
        public void Dispose() => Fetched.Arrival.Lease?.Dispose();
    }
}
