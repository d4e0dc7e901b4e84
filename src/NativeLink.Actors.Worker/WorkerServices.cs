using Microsoft.Extensions.Logging;
using NativeLink.Actors.Cas;
using NativeLink.Actors.Storage;
using NativeLink.Actors.Storage.DirectoryCache;
using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Storage.Materialisers;
using NativeLink.Actors.Storage.WorkDirectories;
using NativeLink.Actors.Worker.Connection;
using NativeLink.Actors.Worker.Inputs;
using NativeLink.Actors.Worker.Operations;
using NativeLink.Actors.Worker.Outputs;
using NativeLink.Actors.Worker.Processes;
using NativeLink.Actors.Worker.Stores;
using NativeLink.Actors.Worker.Telemetry;

namespace NativeLink.Actors.Worker;

/// <summary>
/// Everything on this machine that the workers of a host share: the
/// store, the input roots, the launcher, the clients, and a work
/// directory each. Opened before any actor, disposed after all of them.
/// </summary>
internal sealed class WorkerServices : IAsyncDisposable
{
    private readonly WorkerHostOptions _options;
    private readonly TimeProvider _time;
    private readonly Stack<Func<ValueTask>> _open = new();
    private readonly List<WorkDirectory> _directories = [];
    private readonly List<(UploadResultOptions Results, UploadTargets Targets)> _targets = [];
    private readonly ILogger _log;
    private ContentStore _store = null!;
    private InputRoots _roots = null!;
    private IProcessLauncher _launcher = null!;
    private ICasClient _cas = null!;
    private IReadOnlyList<int> _slots = [];

    private WorkerServices(WorkerHostOptions options, ILogger log, TimeProvider time) =>
        (_options, _log, _time) = (options, log, time);

    /// <summary>
    /// Checks all directories first, then opens everything;
    /// what was opened is closed again when something fails.
    /// </summary>
    /// <exception cref="FaultException">A path, store or TLS file
    /// cannot be used; says which and what to do.</exception>
    public static async Task<WorkerServices> OpenAsync(
        WorkerHostOptions options, ILoggerFactory logs, TimeProvider time)
    {
        EarlyLoading.LoadReferencesOf(typeof(WorkerServices).Assembly);
        var services = new WorkerServices(options, logs.CreateLogger("NativeLink.Actors.Worker"), time);
        try
        {
            services.Open();
            return services;
        }
        catch
        {
            await services.DisposeAsync();
            throw;
        }
    }

    /// <summary>What a pool needs to run these workers. The links are made here, one a worker.</summary>
    public WorkerPoolSettings ToPool()
    {
        // The local cluster's own store is the CAS: what is read from it is there already, and what
        // is written to it is not written twice.
        var local = _options.FillStoreOnWrite || _cas is StoreCasClient ? _store : null;
        var workers = _options.Workers.Select((worker, index) =>
        {
            var uploader = UploaderOf(worker.Actions.Results, local);
            var directories = new ActionDirectories(_directories[index], path => _store.TryFreeSpace(0, path));
            var link = OwnedAsync(worker.Connection.SchedulerEndpoint.CreateLink());
            var name = worker.Connection.Name.Length > 0 ? worker.Connection.Name : $"worker_{index}";
            var bounded = worker with { Connection = worker.Connection with { MaxInflightTasks = SlotsOf(index) } };
            return new PooledWorker(name, uploader, peers => ToConnection(bounded, link, peers, directories));
        }).ToList();
        return new WorkerPoolSettings(
            CasDownloader.CreateProps(_cas, _store, _roots, new OutputParents(), _time),
            ProcessRunner.CreateProps(_launcher),
            [.. _targets.Select(target => CasUploader.CreateProps(target.Targets, _time))],
            workers);
    }

    public async ValueTask DisposeAsync()
    {
        while (_open.TryPop(out var close))
        {
            try
            {
                await close();
            }
            catch (Exception error)
            {
                _log.NotClosed(error.Message);
            }
        }
    }

    private void Open()
    {
        string[] kept = [_options.LocalStore.ContentPath, _options.LocalStore.TempPath, _options.DirectoryCache.Root];
        // Every directory is looked at before the first is wiped.
        if (_options.Workers.Select(worker => WorkDirectoryCheck.WhyNot(WholeOf(worker).Path, kept))
            .FirstOrDefault(why => why is not null) is { } why)
            throw new FaultException(FaultKind.Worker, why);
        if (_options.Workers.IsEmpty)
            throw new FaultException(FaultKind.Worker, "the host has no workers; configure at least one");
        _store = _options.SharedStore ?? OpenStore();
        foreach (var worker in _options.Workers)
        {
            var (path, part) = WholeOf(worker);
            _directories.Add(Owned(WorkDirectory.Open(path, part, kept, text => _log.Noticed(text))));
        }
        var cache = _options.DirectoryCache;
        _roots = Owned(InputRoots.Open(
            new DirectoryCacheSettings(cache.Root, _directories[0].UpperDirectoryRoot)
            {
                MaxEntries = cache.MaxEntries,
                MaxSizeBytes = cache.MaxSizeBytes,
                ForcedMaterialiser = cache.ForcedMaterialiser,
                ScratchMemoryBytes = cache.ScratchMemoryBytes,
                MaxCleanupWait = _options.Workers.Max(worker => worker.MaxCleanupWait),
                OnWarning = text => _log.Noticed(text),
            },
            _store, _time));
        // After the last process has ended, and before the roots are closed.
        _open.Push(() =>
        {
            _directories.ForEach(static directory => directory.GiveUpAll());
            return ValueTask.CompletedTask;
        });
        Owned(StorageMetrics.Observe(StateOfStorage));
        _launcher = _options.Launcher ?? Owned(PosixProcessLauncher.Create(_options.Processes, _time, _log));
        _slots = BoundedSlots();
        _cas = _options.CasClient ?? OwnedAsync<ICasClient>(
            _options.Cas.Grpc is { } grpc ? new GrpcCasClient(grpc, _time, new Random()) : new StoreCasClient(_store));
        _log.Opened(_roots.Description, _launcher.Description);
    }

    /// <summary>
    /// How many actions each worker runs at once: fewer than it
    /// is told to where this process may not have what they take.
    /// </summary>
    private IReadOnlyList<int> BoundedSlots()
    {
        var wanted = _options.Workers.Select(static worker => worker.Connection.MaxInflightTasks > 0
            ? worker.Connection.MaxInflightTasks
            : ConnectionSettings.UsualSlots).ToList();
        var (budget, why) = SlotBudget.Measure();
        var given = SlotBudget.Share(budget, wanted);
        if (given.Sum(static slots => (long)slots) < wanted.Sum(static slots => (long)slots))
            _log.Noticed(
                $"{given.Sum()} actions at once instead of {wanted.Sum(static slots => (long)slots)}: " +
                $"there are only {why}");
        return given;
    }

    /// <summary>What is not bounded stays as it was configured, 0 where it was not.</summary>
    private int SlotsOf(int index)
    {
        var configured = _options.Workers[index].Connection.MaxInflightTasks;
        return _slots[index] < (configured > 0 ? configured : ConnectionSettings.UsualSlots)
            ? _slots[index]
            : configured;
    }

    private StorageState StateOfStorage()
    {
        var done = _roots.Statistics;
        return new StorageState(
            _roots.Materialiser,
            _store.Usage,
            (_roots.CacheUsage.Bytes, _roots.CacheUsage.Count),
            (done.WholeTrees, done.Deltas, done.DamagedTrees),
            _roots.ScratchMemoryBytes,
            _roots.Backlog + _directories.Sum(directory => directory.Backlog));
    }

    private static (string Path, string? Part) WholeOf(WorkerOptions worker) => worker.WorkDirectoryIsPart
        ? (Path.GetDirectoryName(worker.WorkDirectory)!, Path.GetFileName(worker.WorkDirectory))
        : (worker.WorkDirectory, null);

    private ContentStore OpenStore()
    {
        var store = Owned(ContentStore.Open(_options.LocalStore with
        {
            OnWarning = text => _log.Noticed(text),
        }, _time));
        Owned(StoreSampling.Start(store, _time, new Random()));
        return store;
    }

    private int UploaderOf(UploadResultOptions results, ContentStore? local)
    {
        var known = _targets.FindIndex(target => target.Results.ActionCache == results.ActionCache
            && target.Results.HistoricalStore == results.HistoricalStore);
        if (known >= 0)
            return known;
        var cache = _options.ActionCacheClient
            ?? (results.ActionCache is { } store
                ? OwnedAsync<IActionCacheClient>(new GrpcActionCacheClient(store, _time, new Random()))
                : null);
        var historical = results.HistoricalStore is { } other
            ? OwnedAsync<ICasClient>(new GrpcCasClient(other, _time, new Random()))
            : null;
        _targets.Add((results, new UploadTargets(_cas, local, new NativeFiles(), cache, historical)));
        return _targets.Count - 1;
    }

    private ConnectionSettings ToConnection(
        WorkerOptions worker, ISchedulerLink link, ExecutorPeers peers, ActionDirectories directories)
    {
        var settings = new ExecutorSettings(worker.Actions, peers, directories)
        {
            SignalExitCodeIsNine = _options.SignalExitCodeIsNine,
        };
        var executor = () => ActionExecutor.CreateProps(settings);
        return new ConnectionSettings(worker.Connection, worker.Actions, link, _launcher, executor, new Random())
        {
            ScratchDirectory = directories.ScratchDirectory,
            Breaker = _options.Breaker,
            IsComplete = (result, function, cancellation) =>
                ResultCompleteness.CheckAsync(_cas, result, function, cancellation),
            Probe = cancellation => TrialAction.SendAsync(_cas, cancellation),
        };
    }

    private T Owned<T>(T part)
        where T : IDisposable
    {
        _open.Push(() =>
        {
            part.Dispose();
            return ValueTask.CompletedTask;
        });
        return part;
    }

    private T OwnedAsync<T>(T part)
        where T : IAsyncDisposable
    {
        _open.Push(part.DisposeAsync);
        return part;
    }
}
