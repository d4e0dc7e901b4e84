using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Text;
using NativeLink.Actors.Worker.Processes.Containment;

namespace NativeLink.Actors.Worker.Processes;

/// <summary>A process to spawn.</summary>
/// <param name="Final">Whether a busy program is told as such, or by a <see cref="ProgramBusyException"/> so that it is tried again.</param>
internal sealed record SpawnRequest(ProcessPlan Plan, bool Final, CancellationToken Abort)
{
    internal TaskCompletionSource<ProcessReport> Completion { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
}

/// <summary>The program is open for writing somewhere (ETXTBSY).</summary>
internal sealed class ProgramBusyException : Exception;

/// <summary>A thread that spawns one process after the other: posix_spawn stands still until exec, and no pool thread should.</summary>
internal sealed class SpawnLane
{
    private readonly BlockingCollection<SpawnRequest> _requests;
    private readonly IContainment _containment;
    private readonly ProcessReaper _reaper;
    private readonly TimeProvider _time;
    private readonly Thread _thread;

    internal SpawnLane(BlockingCollection<SpawnRequest> requests, IContainment containment, ProcessReaper reaper, TimeProvider time)
    {
        (_requests, _containment, _reaper, _time) = (requests, containment, reaper, time);
        _thread = new Thread(Loop, 512 * 1024) { IsBackground = true, Name = "spawn-lane" };
        _thread.Start();
    }

    internal void Join() => _thread.Join();

    private void Loop()
    {
        SpawningThread.Prepare();
        ILaneContainment? tree = null;
        using var call = new SpawnCall();
        foreach (var request in _requests.GetConsumingEnumerable())
        {
            try
            {
                tree ??= _containment.ForLane();
                Handle(request, call, tree);
            }
            catch (Exception error)
            {
                request.Completion.TrySetException(error);
            }
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

        call.Prepare(plan, place.Path, lane.Gates);
        var oomKills = _reaper.OomKills;
        var started = _time.GetUtcNow();
        var tree = lane.Spawn(call);
        if (tree is null)
        {
            AnswerUnstarted(request, Explain(call.Error, plan, place.Path, request.Final));
            return;
        }

        var pidfd = Native.PidfdOpen(call.Pid);
        if (pidfd < 0)
        {
            var error = Marshal.GetLastPInvokeError();
            tree.Kill();
            call.KillAndReap();
            throw new FaultException(FaultKind.Worker, $"cannot watch a new process (pidfd_open: {Native.ErrorText(error)})");
        }

        _reaper.Add(new RunningProcess(call.Pid, pidfd, tree, started, request.Completion) { OomKillsBefore = oomKills }, request.Abort);
    }

    /// <summary>What an errno of posix_spawn means: its file actions and its exec report through the same number.</summary>
    private static ProgramPlace Explain(int error, ProcessPlan plan, string program, bool final)
    {
        RequireDirectories(plan);
        switch (error)
        {
            case Native.ETXTBSY when !final:
                throw new ProgramBusyException();
            case Native.E2BIG:
                throw new FaultException(new Fault(FaultKind.Action, "the command's arguments and environment are too long for this system (E2BIG)")
                {
                    Code = Grpc.Core.StatusCode.InvalidArgument,
                });
            case Native.EAGAIN or Native.ENOMEM or Native.EMFILE or Native.ENFILE:
                throw new FaultException(FaultKind.Worker, $"cannot start a process: {Native.ErrorText(error)}");
            case Native.ENOENT or Native.ENOTDIR:
                return ProgramPlace.Missing($"{plan.Arguments[0]}: the interpreter or loader that {program} names was not found");
            case Native.ENOEXEC:
                return ProgramPlace.Refused($"{plan.Arguments[0]}: neither a program for this machine nor a script with a #! line");
            default:
                return ProgramPlace.Refused($"{plan.Arguments[0]}: {Native.ErrorText(error)}");
        }
    }

    private static void RequireDirectories(ProcessPlan plan)
    {
        if (!Directory.Exists(plan.WorkingDirectory))
            throw new FaultException(new Fault(FaultKind.Action, $"the working directory {plan.WorkingDirectory} does not exist or is not a directory")
            {
                Code = Grpc.Core.StatusCode.InvalidArgument,
            });
        foreach (var spool in (ReadOnlySpan<string>)[plan.StdoutPath, plan.StderrPath])
            if (!Directory.Exists(Path.GetDirectoryName(spool)))
                throw new FaultException(FaultKind.Worker, $"the spool file {spool} cannot be made: its directory does not exist");
    }

    private void AnswerUnstarted(SpawnRequest request, ProgramPlace place)
    {
        RequireDirectories(request.Plan);
        var now = _time.GetUtcNow();
        try
        {
            File.WriteAllBytes(request.Plan.StdoutPath, []);
            File.WriteAllBytes(request.Plan.StderrPath, Encoding.UTF8.GetBytes($"nativelink-actors: {place.Message}\n"));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new FaultException(FaultKind.Worker, $"a spool file cannot be written: {error.Message}", error);
        }

        request.Completion.TrySetResult(new ProcessReport(place.ExitCode, 0, false, now, now, default));
    }
}
