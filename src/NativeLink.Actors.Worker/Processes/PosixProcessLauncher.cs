using Microsoft.Extensions.Logging;
using NativeLink.Actors.Worker.Processes.Containment;
using NativeLink.Actors.Worker.Processes.Output;

namespace NativeLink.Actors.Worker.Processes;

/// <summary>
/// Spawns with a routine of its own, as posix_spawn(3) does: a session of its own, the working
/// directory, exactly the given environment, all signals at their defaults and none blocked, stdin
/// from /dev/null, stdout and stderr into pipes that are emptied into spool files, no other
/// descriptor, umask 022. Linux, x64 and arm64.
/// </summary>
internal sealed class PosixProcessLauncher : IProcessLauncher, IDisposable
{
    private readonly ProcessLauncherOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly IContainment _containment;
    private readonly ProcessReaper _reaper;
    private readonly OutputDrain _drain;
    private readonly SpawnLanes _lanes;
    private bool _disposed;

    private PosixProcessLauncher(
        ProcessLauncherOptions options, TimeProvider time, ILogger log, IContainment containment, string description)
    {
        (_options, _time, _log, _containment, Description) = (options, time, log, containment, description);
        _drain = new OutputDrain(log);
        try
        {
            _reaper = new ProcessReaper(containment, time, log, options.EndBound, _drain);
            _lanes = new SpawnLanes(containment, _reaper, _drain, time, log, options);
        }
        catch
        {
            _reaper?.Dispose();
            _drain.Dispose();
            throw;
        }
    }

    public string Description { get; }

    /// <summary>Chooses the containment by running a program in each kind until one works.</summary>
    /// <exception cref="FaultException">Worker: none works, or the one asked for does not; says why.</exception>
    public static PosixProcessLauncher Create(ProcessLauncherOptions options, TimeProvider time, ILogger log)
    {
        var reasons = new List<string>();
        foreach (var kind in (ReadOnlySpan<ContainmentKind>)[ContainmentKind.Cgroup, ContainmentKind.PidNamespace,
            ContainmentKind.Subreaper])
        {
            if (options.Containment != ContainmentKind.Automatic && options.Containment != kind) continue;
            try
            {
                var launcher = TryOpen(kind, options, time, log, reasons);
                log.Contained(launcher.Description);
                return launcher;
            }
            catch (Exception error) when (error is FaultException or IOException or UnauthorizedAccessException)
            {
                reasons.Add($"{kind}: {(error is FaultException fault ? fault.Fault.Detail : error.Message)}");
            }
        }

        throw new FaultException(
            FaultKind.Worker, $"process trees cannot be contained here: {string.Join("; ", reasons)}");
    }

    public Task<ProcessReport> RunAsync(ProcessPlan plan, CancellationToken abort)
    {
        if (Unacceptable(plan) is { } fault) return Task.FromException<ProcessReport>(new FaultException(fault));
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (abort.IsCancellationRequested) return Task.FromResult(ProcessReport.NeverStarted(_time.GetUtcNow()));
        return RunRetryingAsync(plan, abort);
    }

    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _lanes.End();
        var gone = _reaper.EndAll();
        _lanes.Dispose();
        gone = _reaper.EndAll() && gone;
        if (!gone) _log.LeftBehind(1);
        _reaper.Dispose();
        _drain.Dispose();
        _containment.Dispose();
    }

    private static PosixProcessLauncher TryOpen(
        ContainmentKind kind, ProcessLauncherOptions options, TimeProvider time, ILogger log, List<string> reasons)
    {
        IContainment containment = kind switch
        {
            ContainmentKind.Cgroup => CgroupContainment.Create(),
            ContainmentKind.PidNamespace => PidNamespaceContainment.Create(),
            _ => SubreaperContainment.Create(),
        };
        var why = reasons.Count == 0 ? "" : $" (not used: {string.Join("; ", reasons)})";
        PosixProcessLauncher? launcher = null;
        try
        {
            launcher = new PosixProcessLauncher(options, time, log, containment, containment.Description + why);
            launcher.Probe();
            return launcher;
        }
        catch
        {
            if (launcher is null) containment.Dispose();
            else launcher.Dispose();
            throw;
        }
    }

    /// <summary>Runs a shell that leaves a process behind: it must be gone afterwards.</summary>
    private void Probe()
    {
        var plan = new ProcessPlan(["/bin/sh", "-c", "exec 2>&1; sleep 30 &"], [new("PATH", "/usr/bin:/bin")], "/", "",
            "");
        using var bound = new CancellationTokenSource(TimeSpan.FromSeconds(10), _time);
        var report = RunAsync(plan, bound.Token).GetAwaiter().GetResult();
        if (report.ExitCode != 0)
            throw new FaultException(
                FaultKind.Worker, $"a trial run of /bin/sh ended with exit code {report.ExitCode}");
    }

    private async Task<ProcessReport> RunRetryingAsync(ProcessPlan plan, CancellationToken abort)
    {
        var deadline = TimeProvider.System.GetTimestamp()
            + (long)(_options.BusyBound.TotalSeconds * TimeProvider.System.TimestampFrequency);
        for (var pause = 1; ; pause = Math.Min(pause * 2, 100))
        {
            var final = TimeProvider.System.GetTimestamp() >= deadline;
            var request = new SpawnRequest(plan, final, abort);
            if (!_lanes.TryAdd(request)) throw new FaultException(FaultKind.Worker, "the worker is shutting down");
            // All lanes may be busy for long.
            await using var heard = abort.UnsafeRegister(Withdraw, request);
            try
            {
                return await request.Completion.Task;
            }
            catch (TryAgainException)
            {
                // Some other process was being spawned while the program was written, and holds it
                // open until its own exec; or another action uses all there is.
                if (abort.IsCancellationRequested) return ProcessReport.NeverStarted(_time.GetUtcNow());
                await Task.Delay(TimeSpan.FromMilliseconds(pause), TimeProvider.System, CancellationToken.None);
            }
        }
    }

    private void Withdraw(object? state)
    {
        var request = (SpawnRequest)state!;
        if (request.TryTake()) request.Completion.TrySetResult(ProcessReport.NeverStarted(_time.GetUtcNow()));
    }

    private static Fault? Unacceptable(ProcessPlan plan)
    {
        if (plan.Arguments.Count == 0) return Invalid("the command has no arguments: there is no program to run");
        for (var i = 0; i < plan.Arguments.Count; i++)
            if (plan.Arguments[i].Contains('\0'))
                return Invalid($"argument {i} of the command contains a NUL character");
        foreach (var (name, value) in plan.Environment)
        {
            if (name.Length == 0) return Invalid("an environment variable of the command has an empty name");
            if (name.Contains('\0') || value.Contains('\0'))
                return Invalid($"the environment variable {name.Replace('\0', '?')} contains a NUL character");
            if (name.Contains('=')) return Invalid($"the environment variable name {name} contains '='");
        }

        foreach (var spool in (ReadOnlySpan<string>)[plan.StdoutPath, plan.StderrPath])
            if (spool.StartsWith("/dev/", StringComparison.Ordinal))
                return new Fault(
                    FaultKind.Worker,
                    $"{spool} cannot keep what an action says: what stands there would be removed. " +
                    "An empty path keeps nothing.");

        return plan.WorkingDirectory.Contains('\0') ? Invalid("the working directory contains a NUL character") : null;
    }

    private static Fault Invalid(string detail) => new(FaultKind.Action, detail)
    {
        Code = Grpc.Core.StatusCode.InvalidArgument,
    };
}
