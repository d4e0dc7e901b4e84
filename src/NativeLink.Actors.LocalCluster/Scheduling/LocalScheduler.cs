using Akka.Actor;
using Google.LongRunning;
using Microsoft.Extensions.Logging;
using NativeLink.Actors.LocalCluster.Scheduling.Queueing;
using NativeLink.Actors.LocalCluster.Scheduling.Workers;
using static NativeLink.Actors.LocalCluster.Scheduling.SchedulerProtocol;

namespace NativeLink.Actors.LocalCluster.Scheduling;

/// <summary>
/// The scheduler of the local cluster: it owns the queue, the connected workers and what clients
/// are told. Thread-safe; the gRPC services translate between it and the wire. It behaves as
/// NativeLink's <c>simple</c> scheduler (protos/README.md 3 and 6).
/// </summary>
internal sealed class LocalScheduler : IAsyncDisposable
{
    private static readonly TimeSpan LongestStop = TimeSpan.FromSeconds(5);

    private readonly Props _props;
    private IActorRef _loop = ActorRefs.Nobody;
    private bool _isDraining;

    /// <param name="newId">Names operations, those who wait for them and workers; null: by chance.</param>
    public LocalScheduler(
        SchedulerOptions options, TimeProvider time, ILoggerFactory logs, IActionSource actions,
        IActionResults results, Func<Guid>? newId = null)
    {
        (Options, Time, Actions, Results) = (options, time, actions, results);
        Properties = new PropertyRules(options.SupportedProperties);
        _props = SchedulerLoop.CreateProps(options, time, logs.CreateLogger<LocalScheduler>(), newId);
    }

    /// <summary>The Akka keys that it needs, each with its reason.</summary>
    public static string Hocon()
    {
        using var stream = typeof(LocalScheduler).Assembly.GetManifestResourceStream("cluster.conf")
            ?? throw new InvalidOperationException(
                "the resource cluster.conf is not in the assembly: build the project again");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    /// <summary>Starts in the process's actor system; before, it hears nothing.</summary>
    public void Start(ActorSystem system) => _loop = system.ActorOf(_props, "scheduler");

    internal SchedulerOptions Options { get; }

    internal TimeProvider Time { get; }

    internal IActionSource Actions { get; }

    internal IActionResults Results { get; }

    internal PropertyRules Properties { get; }

    internal bool IsDraining
    {
        get => Volatile.Read(ref _isDraining);
        private set => Volatile.Write(ref _isDraining, value);
    }

    /// <summary>
    /// Gives a worker no new work, or gives it work again; what
    /// runs on it goes on. False when no such worker is connected.
    /// </summary>
    public Task<bool> SetDrainingAsync(WorkerId worker, bool draining)
    {
        var answer = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        Tell(new Drain(worker, draining, answer));
        return answer.Task.WaitAsync(LongestStop, Time);
    }

    /// <summary>
    /// New Execute calls are refused with UNAVAILABLE from now
    /// on, and what waits is turned away; what runs is finished.
    /// </summary>
    public void BeginDrain()
    {
        IsDraining = true;
        Tell(SchedulerProtocol.BeginDrain.Instance);
    }

    /// <summary>The link of a worker that registers with this first message.</summary>
    /// <exception cref="FormatException">A property has a value that its kind does not take.</exception>
    internal WorkerLink CreateLink(Wire.ConnectWorkerRequest registration) => new(registration.WorkerIdPrefix,
        registration.MaxInflightTasks, Properties.ReadWorker(registration.Properties), Time);

    internal Task<Operation?> GetOperationAsync(string name, CancellationToken cancellation)
    {
        var answer = new TaskCompletionSource<Operation?>(TaskCreationOptions.RunContinuationsAsynchronously);
        Tell(new GetOperation(name, answer));
        return answer.Task.WaitAsync(LongestStop, Time, cancellation);
    }

    internal Task<bool> CancelAsync(string name, CancellationToken cancellation)
    {
        var answer = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        Tell(new CancelOperation(name, answer));
        return answer.Task.WaitAsync(LongestStop, Time, cancellation);
    }

    internal void Tell(object message) => _loop.Tell(message, ActorRefs.NoSender);

    /// <summary>Disconnects workers and clients and frees everything; completes within a few seconds.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_loop.IsNobody())
            return;
        try
        {
            await _loop.GracefulStop(LongestStop);
        }
        catch (TaskCanceledException)
        {
            // It did not stop in time; the system's end takes it along.
        }
    }
}
