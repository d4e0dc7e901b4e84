using Microsoft.Extensions.Logging;
using NativeLink.Actors.Protocol;
using NativeLink.Actors.Worker;

namespace NativeLink.Actors.Cli.Hosting;

/// <summary>The workers of this process from ready to gone: until it stops by itself or a signal comes.</summary>
internal static partial class WorkerRun
{
    // Ending is killing process trees and unmounting: longer than this, something is stuck in the kernel.
    private static readonly TimeSpan EndWithin = TimeSpan.FromSeconds(20);

    /// <param name="beginDrain">Told once, when the workers begin to finish.</param>
    /// <returns>The process's exit code.</returns>
    public static async Task<int> UntilSignalAsync(
        WorkerHost workers, Signals signals, ILogger log, TimeProvider time, Action? beginDrain = null)
    {
        var stopped = workers.Stopped;
        await Task.WhenAny(stopped, signals.Finish, signals.End);
        if (signals.End.IsCompleted)
            return await EndAsync(workers, log, time);
        if (stopped.IsCompleted && !signals.Finish.IsCompleted)
            return await StoppedAsync(workers, await stopped, log, time);
        if (workers.Workers == 0)
            return ExitCodes.Ok;
        LogDraining(log);
        beginDrain?.Invoke();
        var drained = workers.DrainAsync();
        await Task.WhenAny(drained, signals.End);
        if (!drained.IsCompleted)
            return await EndAsync(workers, log, time);
        var finished = await drained;
        LogDrained(log, finished ? "everything was finished" : "the bound cut what still ran");
        await DisposeAsync(workers, log, time);
        return finished ? ExitCodes.Ok : ExitCodes.DrainCut;
    }

    private static async Task<int> EndAsync(WorkerHost workers, ILogger log, TimeProvider time)
    {
        LogEnding(log);
        await DisposeAsync(workers, log, time);
        return ExitCodes.Interrupted;
    }

    private static async Task<int> StoppedAsync(WorkerHost workers, Fault? fault, ILogger log, TimeProvider time)
    {
        if (fault is not null)
            LogStopped(log, fault.Detail);
        await DisposeAsync(workers, log, time);
        return fault is null ? ExitCodes.Ok : ExitCodes.Stopped;
    }

    private static async Task DisposeAsync(WorkerHost workers, ILogger log, TimeProvider time)
    {
        try
        {
            await workers.DisposeAsync().AsTask().WaitAsync(EndWithin, time);
        }
        catch (TimeoutException)
        {
            LogStuck(log, EndWithin.TotalSeconds);
        }
    }

    [LoggerMessage(Level = LogLevel.Information,
        Message = "SIGTERM, SIGHUP or a request: no new actions; " +
            "waiting for those that run (a second signal ends them)")]
    private static partial void LogDraining(ILogger log);

    [LoggerMessage(Level = LogLevel.Information, Message = "Drained: {Outcome}")]
    private static partial void LogDrained(ILogger log, string outcome);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Ending now: every action's processes are killed")]
    private static partial void LogEnding(ILogger log);

    [LoggerMessage(Level = LogLevel.Error, Message = "The workers stopped: {Reason}")]
    private static partial void LogStopped(ILogger log, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "The workers did not end within {Seconds} s; leaving anyway")]
    private static partial void LogStuck(ILogger log, double seconds);
}
