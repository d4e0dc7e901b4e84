using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;
using NativeLink.Actors.Worker.Processes.Containment;
using NativeLink.Actors.Worker.Processes.Output;

namespace NativeLink.Actors.Worker.Processes;

/// <summary>A process to spawn.</summary>
/// <param name="Final">Whether what may be otherwise in a moment is told as it is, or by a
/// <see cref="TryAgainException"/>.</param>
internal sealed record SpawnRequest(ProcessPlan Plan, bool Final, CancellationToken Abort)
{
    private int _taken;

    internal TaskCompletionSource<ProcessReport> Completion { get; } = new(
        TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>
    /// Whether it is the caller's to answer: a lane's, which spawns
    /// it, or that of somebody who ends the waiting for one.
    /// </summary>
    internal bool TryTake() => Interlocked.Exchange(ref _taken, 1) == 0;
}

/// <summary>
/// The program is open for writing somewhere (ETXTBSY), or there is no process, descriptor or
/// memory to be had at this moment.
/// </summary>
internal sealed class TryAgainException : Exception;

/// <summary>
/// A thread that spawns one process after the other: a spawn stands still until exec, and no pool
/// thread should. It may stand for long, as when the program lies on a file system that does not
/// answer: then it is given up, its request answered, and what comes of it in the end is ended.
/// </summary>
internal sealed class SpawnLane
{
    private readonly BlockingCollection<SpawnRequest> _requests;
    private readonly IContainment _containment;
    private readonly ProcessReaper _reaper;
    private readonly OutputDrain _drain;
    private readonly TimeProvider _time;
    private readonly Action _spawning;
    private readonly ProcessLauncherOptions _options;
    private Thread? _thread;

    // Whoever ends a child from outside holds this, so that the lane does not go on, and the child
    // keeps its number, meanwhile.
    private readonly Lock _gate = new();
    private (SpawnRequest Request, SpawnCall Call)? _current;
    private long _since;
    private bool _ended;
    private bool _givenUp;
    private bool _over;

    /// <param name="spawning">Called before each spawn.</param>
    internal SpawnLane(
        BlockingCollection<SpawnRequest> requests, IContainment containment, ProcessReaper reaper, OutputDrain drain,
        TimeProvider time, Action spawning, ProcessLauncherOptions options)
    {
        (_requests, _containment, _reaper, _drain) = (requests, containment, reaper, drain);
        (_time, _spawning, _options) = (time, spawning, options);
    }

    /// <exception cref="FaultException">Worker: there is no thread for it.</exception>
    internal void Start() => _thread = WorkerThread.Start(Loop, "spawn-lane", 512 * 1024);

    /// <returns>Whether it ended within the bound.</returns>
    internal bool Join(TimeSpan bound) => _thread!.Join(bound);

    /// <summary>
    /// Ends the child of a spawn that stands although it is not wanted any more, and gives the lane
    /// up when it stands for longer than the bound.
    /// </summary>
    /// <returns>Whether a spawn is under way, and whether the lane has been given up.</returns>
    internal (bool Spawning, bool GivenUp) Look(TimeSpan bound, bool ending)
    {
        SpawnRequest request;
        lock (_gate)
        {
            if (_current is not var (current, call)) return (false, false);
            var overdue = Stopwatch.GetElapsedTime(_since) > bound;
            if (overdue || ending || current.Abort.IsCancellationRequested) EndCurrent(call);
            if (!overdue) return (true, false);
            (request, _givenUp, _current) = (current, true, null);
        }

        request.Completion.TrySetException(
            new FaultException(FaultKind.Worker, $"the process did not start within {bound.TotalSeconds:0} s"));
        return (false, true);
    }

    /// <summary>
    /// From now on nobody takes over what it spawns, as those
    /// who would are about to be gone: it ends that itself.
    /// </summary>
    internal void SetOver()
    {
        lock (_gate) _over = true;
    }

    private void Loop()
    {
        SpawningThread.Prepare();
        ILaneContainment? tree = null;
        using var call = new SpawnCall(_options);
        foreach (var request in _requests.GetConsumingEnumerable())
        {
            if (!request.TryTake()) continue;
            try
            {
                tree ??= _containment.ForLane();
                Handle(request, call, tree);
            }
            catch (FaultException error) when (error.Fault.Kind == FaultKind.Worker && !request.Final)
            {
                // Mostly there is too little of something at this moment.
                request.Completion.TrySetException(new TryAgainException());
            }
            catch (Exception error)
            {
                request.Completion.TrySetException(error);
            }

            if (_givenUp) break;
        }

        tree?.Dispose();
    }

    private void Handle(SpawnRequest request, SpawnCall call, ILaneContainment lane)
    {
        var plan = request.Plan;
        if (request.Abort.IsCancellationRequested)
        {
            request.Completion.TrySetResult(ProcessReport.NeverStarted(_time.GetUtcNow()));
            return;
        }

        var place = ProgramLookup.Find(plan);
        if (place.Path is null)
        {
            AnswerUnstarted(request, place);
            return;
        }

        var output = ActionOutput.Open(plan.StdoutPath, plan.StderrPath);
        var (tree, stillWanted) = ((IProcessTree?)null, true);
        try
        {
            call.Prepare(plan, place.Path, output.ForChild);
            (tree, stillWanted) = Spawn(request, call, lane, output);
        }
        finally
        {
            if (tree is null) output.Discard(static _ => { });
        }

        if (tree is null && stillWanted) AnswerUnstarted(request, Explain(call, plan, place.Path, request.Final));
    }

    /// <returns>The tree, which the reaper has taken over with its output, if there is one; and
    /// whether anybody still waits for what came of it.</returns>
    private (IProcessTree? Tree, bool StillWanted) Spawn(
        SpawnRequest request, SpawnCall call, ILaneContainment lane, ActionOutput output)
    {
        var oomKills = _reaper.OomKills;
        var started = _time.GetUtcNow();
        var (tree, stillWanted) = Spawn(request, call, lane);
        if (tree is null) return (null, stillWanted);
        lock (_gate)
        {
            if (_over)
            {
                EndAtOnce(tree, call);
                request.Completion.TrySetException(new FaultException(FaultKind.Worker, "the worker is shutting down"));
                return (null, false);
            }

            HandOver(request, call, tree, output, (started, oomKills), stillWanted);
        }

        return (tree, stillWanted);
    }

    private static void EndAtOnce(IProcessTree tree, SpawnCall call)
    {
        try
        {
            tree.Kill();
        }
        finally
        {
            call.KillAndReap();
            _ = tree.Close();
        }
    }

    private void HandOver(
        SpawnRequest request, SpawnCall call, IProcessTree tree, ActionOutput output,
        (DateTimeOffset Started, long OomKills) before, bool stillWanted)
    {
        request.Plan.Clock?.Start(before.Started);
        // Nobody waits for one that was given up: it is ended as an aborted one is.
        var completion = stillWanted ? request.Completion : new TaskCompletionSource<ProcessReport>();
        var process = new RunningProcess(call.Pid, call.PidFd, tree, before.Started, completion)
        {
            Attempt = request.Plan.Attempt,
            OomKillsBefore = before.OomKills,
            Aborted = _ended,
            Output = output,
        };
        output.Failed = () => _reaper.PostAbort(process);
        var watched = _drain.TryWatch(output);
        _reaper.Add(process, stillWanted ? request.Abort : new CancellationToken(canceled: true));
        if (!watched) output.Failed();
    }

    private (IProcessTree? Tree, bool StillWanted) Spawn(SpawnRequest request, SpawnCall call, ILaneContainment lane)
    {
        lock (_gate) (_current, _since, _ended) = ((request, call), Stopwatch.GetTimestamp(), false);
        _spawning();
        IProcessTree? tree;
        try
        {
            using (request.Abort.UnsafeRegister(OnAbort, (this, request))) tree = lane.Spawn(call);
        }
        finally
        {
            lock (_gate) _current = null;
        }

        return (tree, !_givenUp);
    }

    private void EndCurrent(SpawnCall call)
    {
        _ended = true;
        call.KillWhileSpawning();
    }

    private static void OnAbort(object? state)
    {
        var (lane, request) = ((SpawnLane, SpawnRequest))state!;
        lock (lane._gate)
            if (lane._current is var (current, call) && current == request) lane.EndCurrent(call);
    }

    /// <summary>What an errno of the child's way to its program means.</summary>
    private static ProgramPlace Explain(SpawnCall call, ProcessPlan plan, string program, bool final)
    {
        RequireDirectories(plan);
        if (!final && (call.IsScarcity || call.Error == Errno.ETXTBSY)) throw new TryAgainException();
        if (call.IsScarcity || call.Failure != SpawnFailure.Program)
            throw new FaultException(FaultKind.Worker, $"cannot start a process: {Errno.Message(call.Error)}");
        switch (call.Error)
        {
            case Errno.E2BIG:
                throw new FaultException(new Fault(FaultKind.Action,
                    "the command's arguments and environment are too long for this system (E2BIG)")
                {
                    Code = Grpc.Core.StatusCode.InvalidArgument,
                });
            case Errno.ENOENT or Errno.ENOTDIR:
                return ProgramPlace.Missing(
                    $"{plan.Arguments[0]}: the interpreter or loader that {program} names was not found");
            case Errno.ENOEXEC:
                return ProgramPlace.Refused(
                    $"{plan.Arguments[0]}: neither a program for this machine nor a script with a #! line");
            default:
                return ProgramPlace.Refused($"{plan.Arguments[0]}: {Errno.Message(call.Error)}");
        }
    }

    private static void RequireDirectories(ProcessPlan plan)
    {
        if (!Directory.Exists(plan.WorkingDirectory))
            throw new FaultException(new Fault(FaultKind.Action,
                $"the working directory {plan.WorkingDirectory} does not exist or is not a directory")
            {
                Code = Grpc.Core.StatusCode.InvalidArgument,
            });
        foreach (var spool in (ReadOnlySpan<string>)[plan.StdoutPath, plan.StderrPath])
            if (spool.Length > 0 && !Directory.Exists(Path.GetDirectoryName(spool)))
                throw new FaultException(
                    FaultKind.Worker, $"the spool file {spool} cannot be made: its directory does not exist");
    }

    private void AnswerUnstarted(SpawnRequest request, ProgramPlace place)
    {
        RequireDirectories(request.Plan);
        var now = _time.GetUtcNow();
        try
        {
            if (request.Plan.StderrPath.Length > 0) File.WriteAllBytes(
                request.Plan.StderrPath, Encoding.UTF8.GetBytes($"nativelink-actors: {place.Message}\n"));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new FaultException(FaultKind.Worker, $"a spool file cannot be written: {error.Message}", error);
        }

        request.Completion.TrySetResult(new ProcessReport(place.ExitCode, 0, false, now, now, default)
        {
            Unstarted = true,
        });
    }
}
