using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Extensions.Logging;
using NativeLink.Actors.Worker.Processes.Containment;
using NativeLink.Actors.Worker.Processes.Output;

namespace NativeLink.Actors.Worker.Processes;

/// <summary>
/// The threads that spawn, which take their work from one queue, and a look at them now and then
/// while they do: one that stands for too long is replaced. While nobody spawns nobody looks.
/// </summary>
internal sealed class SpawnLanes : IDisposable
{
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromSeconds(1);

    private readonly BlockingCollection<SpawnRequest> _requests = [];
    private readonly Func<SpawnLane> _make;
    private readonly ILogger _log;
    private readonly TimeSpan _bound;
    private readonly int _wanted;
    private readonly ITimer _timer;
    private readonly Lock _gate = new();
    private readonly List<SpawnLane> _lanes = [];

    // Those that have been given up; one may still come back.
    private readonly List<SpawnLane> _strays = [];
    private int _looking;
    private bool _ending;

    /// <exception cref="FaultException">Worker: there is not one thread to be had.</exception>
    internal SpawnLanes(
        IContainment containment, ProcessReaper reaper, OutputDrain drain, TimeProvider time, ILogger log,
        ProcessLauncherOptions options)
    {
        (_log, _bound, _wanted) = (log, options.SpawnBound, options.Lanes);
        _timer = TimeProvider.System.CreateTimer(static lanes => ((SpawnLanes)lanes!).Look(), this,
            Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _make = () => new SpawnLane(_requests, containment, reaper, drain, time, OnSpawning, options);
        Fill();
        if (_lanes.Count > 0) return;
        Dispose();
        throw new FaultException(FaultKind.Worker, "there is no thread to spawn processes on");
    }

    /// <returns>False when it is too late for that.</returns>
    internal bool TryAdd(SpawnRequest request)
    {
        try
        {
            _requests.Add(request, CancellationToken.None);
            return true;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    /// <summary>Nothing new is spawned from now on; what is under way is ended.</summary>
    internal void End()
    {
        lock (_gate) _ending = true;
        _requests.CompleteAdding();
        Look();
    }

    /// <summary>Waits for the threads, the ones that stand for as long as a spawn may take.</summary>
    public void Dispose()
    {
        End();
        var began = Stopwatch.GetTimestamp();
        foreach (var lane in Lanes())
        {
            while (!lane.Join(TimeSpan.FromMilliseconds(100)) && Stopwatch.GetElapsedTime(began) <= _bound) Look();
        }

        while (_requests.TryTake(out var waiting))
            if (waiting.TryTake()) waiting.Completion.TrySetException(
                new FaultException(FaultKind.Worker, "the worker is shutting down"));
        lock (_gate)
            foreach (var lane in (SpawnLane[])[.. _lanes, .. _strays]) lane.SetOver();
        _timer.Dispose();
        // A lane that has been given up may still come back and ask.
    }

    private SpawnLane[] Lanes()
    {
        lock (_gate) return [.. _lanes];
    }

    /// <summary>Called before each spawn, so it costs nothing while somebody looks already.</summary>
    private void OnSpawning()
    {
        if (Volatile.Read(ref _looking) == 0 && Interlocked.Exchange(ref _looking, 1) == 0) _timer.Change(
            BetweenLooks, Timeout.InfiniteTimeSpan);
    }

    private void Look()
    {
        // First, so that a spawn that begins during this look asks for the next one.
        Volatile.Write(ref _looking, 0);
        var spawning = false;
        foreach (var lane in Lanes())
        {
            var seen = lane.Look(_bound, _ending);
            spawning |= seen.Spawning;
            if (!seen.GivenUp) continue;
            _log.SpawnOverdue(_bound);
            lock (_gate)
            {
                _lanes.Remove(lane);
                _strays.RemoveAll(static stray => stray.Join(TimeSpan.Zero));
                _strays.Add(lane);
            }
        }

        Fill();
        if (spawning || Missing) OnSpawning();
    }

    private bool Missing
    {
        get
        {
            lock (_gate) return !_ending && _lanes.Count < _wanted;
        }
    }

    private void Fill()
    {
        lock (_gate)
        {
            try
            {
                while (!_ending && _lanes.Count < _wanted)
                {
                    var lane = _make();
                    lane.Start();
                    _lanes.Add(lane);
                }
            }
            catch (FaultException)
            {
                _log.NoThreadToSpawnOn(_lanes.Count, _wanted);
            }
        }
    }
}
