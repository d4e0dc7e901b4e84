using System.Collections.Immutable;
using System.Globalization;
using Akka.Actor;
using Akka.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using static NativeLink.Actors.Worker.PoolProtocol;

namespace NativeLink.Actors.Worker;

/// <summary>
/// The workers of this process, in groups that share their stores, in one actor system: that of a
/// host of their own, or another's.
/// </summary>
public sealed class WorkerHost : IAsyncDisposable
{
    // The groups have bounds of their own; what is left then is the actor system's end.
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(20);

    private static readonly TimeSpan AnswerTimeout = TimeSpan.FromSeconds(5);

    private readonly ImmutableArray<WorkerGroup> _groups;
    private readonly IHost? _own;
    private int _disposed;

    private WorkerHost(ImmutableArray<WorkerGroup> groups, int workers, IHost? own) =>
        (_groups, Workers, _own) = (groups, workers, own);

    /// <summary>How many workers there are.</summary>
    public int Workers { get; }

    /// <summary>Completes when every worker has been registered at least once.</summary>
    public Task Registered => Task.WhenAll(_groups.Select(static group => group.Registered));

    /// <summary>
    /// Completes when a group has stopped by itself; a
    /// fault says why. Never completes without workers.
    /// </summary>
    public Task<Fault?> Stopped =>
        _groups.IsEmpty
            ? new TaskCompletionSource<Fault?>().Task
            : Task.WhenAny(_groups.Select(static group => group.Stopped)).Unwrap();

    /// <summary>
    /// One group alone; see
    /// <see cref="StartAsync(IReadOnlyCollection{WorkerHostOptions}, ILoggerFactory, TimeProvider)"/>.
    /// </summary>
    public static Task<WorkerHost> StartAsync(WorkerHostOptions options, ILoggerFactory logs, TimeProvider time) =>
        StartAsync([options], logs, time);

    /// <summary>
    /// Starts a host with an actor system, and the workers
    /// in it; completes before they are registered.
    /// </summary>
    /// <param name="options">One for each set of stores that workers share.</param>
    /// <exception cref="FaultException">A path or store cannot be used; says which and what to do.
    /// What was started before has been ended.</exception>
    public static async Task<WorkerHost> StartAsync(
        IReadOnlyCollection<WorkerHostOptions> options, ILoggerFactory logs, TimeProvider time)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddSingleton(logs);
        builder.Services.AddSingleton<IHostLifetime, CallerDecides>();
        builder.Services.AddAkka("nativelink", akka => akka.AddNativeLinkDefaults(logs));
        var own = builder.Build();
        try
        {
            await own.StartAsync();
            return await StartAsync(own.Services.GetRequiredService<ActorSystem>(), options, logs, time, own);
        }
        catch
        {
            await StopAsync(own);
            throw;
        }
    }

    /// <summary>
    /// Starts the workers in an actor system that was made with
    /// <see cref="WorkerHosting.AddNativeLinkDefaults"/>, and that its owner ends after them.
    /// </summary>
    /// <inheritdoc cref="StartAsync(IReadOnlyCollection{WorkerHostOptions}, ILoggerFactory, TimeProvider)"/>
    public static Task<WorkerHost> JoinAsync(ActorSystem system, IReadOnlyCollection<WorkerHostOptions> options,
        ILoggerFactory logs, TimeProvider time) =>
        StartAsync(system, options, logs, time, null);

    /// <summary>
    /// Refuses new work, finishes what runs, says goodbye.
    /// True when all was finished, false when a bound cut it.
    /// </summary>
    public async Task<bool> DrainAsync() =>
        (await Task.WhenAll(_groups.Select(static group => group.DrainAsync()))).All(static finished => finished);

    /// <summary>
    /// Workers finish what runs, say goodbye and stay without a scheduler, until they are resumed;
    /// <see cref="StatesAsync"/> says how far they are.
    /// </summary>
    /// <param name="name">Of one of them; null: all.</param>
    /// <param name="reason">For the log, and for whoever asks.</param>
    public void Pause(string? name, string reason)
    {
        foreach (var group in _groups)
            group.Pool.Tell(new PauseWorkers(name, reason));
    }

    /// <summary>Ends such pauses, and those that workers have begun themselves.</summary>
    /// <param name="name">Of one of them; null: all.</param>
    public void Resume(string? name)
    {
        foreach (var group in _groups)
            group.Pool.Tell(new ResumeWorkers(name));
    }

    /// <summary>What each worker does towards its scheduler.</summary>
    /// <exception cref="AskTimeoutException">The actor system does not answer.</exception>
    public async Task<ImmutableArray<WorkerState>> StatesAsync()
    {
        var states = await Task.WhenAll(_groups.Select(
            static group => group.Pool.Ask<WorkerStates>(new DescribeWorkers(), AnswerTimeout)));
        return [.. states.SelectMany(static each => each.Workers)];
    }

    /// <summary>Ends everything now; no process of an action is left when it completes.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        await Task.WhenAll(_groups.Select(static group => group.EndAsync()));
        if (_own is not null)
            await StopAsync(_own);
    }

    private static async Task<WorkerHost> StartAsync(
        ActorSystem system, IReadOnlyCollection<WorkerHostOptions> options, ILoggerFactory logs, TimeProvider time,
        IHost? own)
    {
        // Timers, sockets and the pool's own work share the thread pool with whoever else lives in
        // this process; its slow start must not cost a keep-alive.
        ThreadPool.GetMinThreads(out var threads, out var ports);
        ThreadPool.SetMinThreads(Math.Max(threads, 16), Math.Max(ports, 16));
        var groups = ImmutableArray.CreateBuilder<WorkerGroup>();
        try
        {
            foreach (var one in options)
            {
                var name = options.Count == 1
                    ? "workers"
                    : string.Create(CultureInfo.InvariantCulture, $"workers-{groups.Count}");
                groups.Add(await WorkerGroup.StartAsync(system, name, one, logs, time));
            }
        }
        catch
        {
            foreach (var group in groups)
                await group.EndAsync();
            throw;
        }
        return new WorkerHost(groups.ToImmutable(), options.Sum(static one => one.Workers.Length), own);
    }

    private static async Task StopAsync(IHost host)
    {
        using var bound = new CancellationTokenSource(StopTimeout);
        await host.StopAsync(bound.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        host.Dispose();
    }

    /// <summary>
    /// The program that starts the workers hears signals
    /// and decides when they end; the host must not.
    /// </summary>
    private sealed class CallerDecides : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
