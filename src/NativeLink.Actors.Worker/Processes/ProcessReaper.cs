using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Extensions.Logging;
using NativeLink.Actors.Worker.Processes.Containment;
using NativeLink.Actors.Worker.Processes.Output;

namespace NativeLink.Actors.Worker.Processes;

/// <summary>
/// Waits for all processes on one thread of its own, by pidfd and epoll:
/// waits only for those it was given, ends and proves empty what they leave
/// behind, samples memory, and answers. No thread is held per process.
/// </summary>
internal sealed unsafe class ProcessReaper : IDisposable
{
    private const int SampleMilliseconds = 200;
    private const int EndingMilliseconds = 1;

    private readonly IContainment _containment;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly TimeSpan _endBound;
    private readonly OutputDrain _drain;
    private readonly Epoll _epoll = new("processes");

    // By a number that is given once: a process number may be used again while what it stood for
    // has been given up but is still there. Roots of all reapers of this process: a lane's children
    // come to the main thread when the lane ends, and look like orphans there.
    private static readonly ConcurrentDictionary<int, RunningProcess> Roots = new();

    private readonly ConcurrentDictionary<long, RunningProcess> _running = new();
    private readonly ConcurrentQueue<RunningProcess> _aborts = new();
    private readonly HashSet<RunningProcess> _ending = [];
    private readonly Action[] _round;
    private readonly Orphans? _orphans;
    private readonly Thread _thread;
    private int _resting;
    private long _nextSample;
    private long _ownPeakKiB;
    private long _oomKills;
    private volatile bool _endAll;
    private volatile bool _stopping;

    internal ProcessReaper(
        IContainment containment, TimeProvider time, ILogger log, TimeSpan endBound, OutputDrain drain)
    {
        (_containment, _time, _log, _endBound, _drain) = (containment, time, log, endBound, drain);
        _round = [ReapOrphans, AdvanceEnding, SampleWhenDue];
        try
        {
            ReadCounters();
            _orphans = Orphans.Adopt(_epoll.Wake);
            _thread = WorkerThread.Start(Loop, "process-reaper", 0);
        }
        catch
        {
            Close();
            throw;
        }
    }

    /// <summary>Out-of-memory kills on this machine so far, at most a sampling interval old.</summary>
    internal long OomKills => Volatile.Read(ref _oomKills);

    /// <summary>Takes over a spawned process. Its completion is answered exactly once.</summary>
    internal void Add(RunningProcess process, CancellationToken abort)
    {
        _running[process.Number] = process;
        Roots[process.Pid] = process;
        process.Abort = abort.UnsafeRegister(state => PostAbort((RunningProcess)state!), process);
        if (!_epoll.TryWatch(process.PidFd, process.Number))
        {
            process.Unwatched = true;
            _log.CannotWatch(process, Errno.Message(Errno.Last));
        }

        if (Interlocked.Exchange(ref _resting, 0) != 0 || process.Unwatched || _endAll) _epoll.Wake();
    }

    /// <summary>Ends everything and waits for it within the bound; true when nothing is left.</summary>
    internal bool EndAll()
    {
        _endAll = true;
        _epoll.Wake();
        var began = Stopwatch.GetTimestamp();
        using var never = new ManualResetEventSlim();
        while (!_running.IsEmpty && Stopwatch.GetElapsedTime(began) < _endBound + TimeSpan.FromSeconds(1)) never.Wait(
            2);
        return _running.IsEmpty;
    }

    public void Dispose()
    {
        _stopping = true;
        _epoll.Wake();
        _thread.Join();
        Close();
    }

    private void Close()
    {
        _orphans?.Dispose();
        _epoll.Dispose();
    }

    /// <summary>Ends a process; from any thread.</summary>
    internal void PostAbort(RunningProcess process)
    {
        _aborts.Enqueue(process);
        _epoll.Wake();
    }

    private void Loop()
    {
        Span<long> tags = stackalloc long[64];
        while (!_stopping)
        {
            foreach (var tag in _epoll.Wait(tags, Timeout()))
                if (_running.TryGetValue(tag, out var process) && !process.RootEnded) Guarded(process, OnRootEnded);

            while (_aborts.TryDequeue(out var aborted)) Guarded(aborted, OnAbort);
            if (_endAll)
                foreach (var process in _running.Values) Guarded(process, OnAbort);
            foreach (var step in _round) Guarded(step);
        }
    }

    private void ReapOrphans() => _orphans?.Reap(Roots.ContainsKey, SubreaperContainment.OnOrphanEnded);

    private void Guarded(Action step)
    {
        try
        {
            step();
        }
        catch (Exception error)
        {
            _log.ReaperRoundFailed(error);
        }
    }

    private int Timeout()
    {
        foreach (var process in _ending)
            if (!process.GivenUp) return EndingMilliseconds;
        if (_orphans is { HasMore: true }) return SampleMilliseconds;
        // Said before it looks, so that whoever comes after that look wakes it.
        Interlocked.Exchange(ref _resting, 1);
        if (_running.IsEmpty) return -1;
        Volatile.Write(ref _resting, 0);
        return SampleMilliseconds;
    }

    /// <summary>Nothing that goes wrong with one process may stop the thread that all of them need.</summary>
    private void Guarded(RunningProcess process, Action<RunningProcess> step)
    {
        try
        {
            step(process);
        }
        catch (Exception error)
        {
            _log.ReaperFailed(process, error);
            process.Completion.TrySetException(new FaultException(
                FaultKind.Worker, $"process {process.Pid} could not be followed: {error.Message}", error));
        }
    }

    private void OnAbort(RunningProcess process)
    {
        // The answer may come later than the end: it waits for what the process has said.
        if (process.Finished || process.AbortAsked || process.Completion.Task.IsCompleted) return;
        process.AbortAsked = true;
        process.Aborted |= !process.RootEnded;
        BeginEnding(process);
        process.Tree.Kill();
    }

    private void OnRootEnded(RunningProcess process)
    {
        var usage = stackalloc long[Libc.UsageWords];
        int status;
        if (Libc.Wait(process.Pid, &status, Libc.WaitNoHang, usage) != process.Pid)
        {
            if (Errno.Last != Errno.ECHILD) return;
            // Code in this process that is not ours has waited for it: how it ended is not to be
            // known any more, but that it has.
            process.Completion.TrySetException(new FaultException(
                FaultKind.Worker, $"how process {process.Pid} ended is not known: somebody else waited for it"));
        }

        process.RootEnded = true;
        Roots.TryRemove(KeyValuePair.Create(process.Pid, process)); // The number may be another one's by now.
        (process.WaitStatus, process.RootUsage) = (status, RootUsage.From(usage));
        // By itself it would go only when the last copy of the descriptor does, and a child that is
        // just being spawned has one: it would be told over and over.
        if (!process.Unwatched) _epoll.Forget(process.PidFd);
        _ = Libc.Close(process.PidFd);
        BeginEnding(process);
    }

    private void BeginEnding(RunningProcess process)
    {
        if (!_ending.Add(process)) return;
        process.EndDeadline = Stopwatch.GetTimestamp() + (long)(_endBound.TotalSeconds * Stopwatch.Frequency);
    }

    private void AdvanceEnding()
    {
        if (_ending.Count == 0) return;
        _containment.BeginRound();
        foreach (var process in _ending.ToArray()) Guarded(process, Advance);
    }

    private void Advance(RunningProcess process)
    {
        if (process.RootEnded && process.Tree.IsEmpty())
        {
            Finish(process);
            return;
        }

        process.Tree.Kill();
        if (process.GivenUp || Stopwatch.GetTimestamp() < process.EndDeadline) return;
        process.GivenUp = true;
        process.Abort.Unregister();
        _log.CannotEnd(process, _endBound);
        _drain.Finish(process.Output, static _ => { });
        process.Completion.TrySetException(new FaultException(
            FaultKind.Worker,
            $"process {process.Pid} or one of its descendants is still there {_endBound.TotalSeconds:0} s after " +
            "SIGKILL (stuck in the kernel?)"));
    }

    private void Finish(RunningProcess process)
    {
        process.Finished = true;
        _ending.Remove(process);
        _running.TryRemove(process.Number, out _);
        process.Abort.Unregister();
        TreeUsage known;
        try
        {
            known = process.Tree.Close();
        }
        catch
        {
            _drain.Discard(process.Output);
            throw;
        }

        // One that was given up has been answered, and its output ended.
        if (!process.GivenUp) Answer(process, known);
    }

    private void Answer(RunningProcess process, TreeUsage known)
    {
        var signal = process.WaitStatus & 0x7F;
        if (known.Interference is { } interference && signal == Signals.Kill && !process.Aborted)
        {
            _drain.Finish(process.Output, static _ => { });
            process.Completion.TrySetException(
                new FaultException(FaultKind.Worker, $"process {process.Pid} was ended: {interference}"));
            return;
        }

        var code = signal == 0 ? (process.WaitStatus >> 8) & 0xFF : 128 + signal;
        var outOfMemory = known.OutOfMemory
            || (signal == Signals.Kill && !process.Aborted && OomKilledSince(process.OomKillsBefore));
        // What this process held when it spawned may be more than when it last looked at itself.
        if (known.PeakMemoryKiB is null && process.RootUsage.MostResidentKiB > _ownPeakKiB) ReadOwnPeak();
        var usage = new ResourceUsage(
            known.PeakMemoryKiB ?? process.RootUsage.PeakKiB(process.SampledKiB, _ownPeakKiB),
            known.Cpu ?? (process.RootUsage.CpuTime + known.ExtraCpu),
            outOfMemory);
        var report = new ProcessReport(code, signal, process.Aborted, process.Started, _time.GetUtcNow(), usage);
        _drain.Finish(process.Output, fault =>
        {
            if (fault is null) process.Completion.TrySetResult(report);
            else process.Completion.TrySetException(new FaultException(fault));
        });
    }

    private bool OomKilledSince(long before)
    {
        ReadCounters();
        return OomKills > before;
    }

    private void SampleWhenDue()
    {
        if (_running.IsEmpty || Environment.TickCount64 < _nextSample) return;
        _nextSample = Environment.TickCount64 + SampleMilliseconds;
        ReadCounters();
        _containment.BeginRound();
        foreach (var process in _running.Values)
        {
            if (process.Unwatched && !process.RootEnded) Guarded(process, OnRootEnded);
            if (!process.RootEnded) process.SampledKiB = Math.Max(process.SampledKiB, process.Tree.ResidentKiB());
        }
    }

    /// <summary>
    /// The largest set this process itself has held, and the machine's out-of-memory kills
    /// (proc(5): status, vmstat).
    /// </summary>
    private void ReadCounters()
    {
        Span<byte> buffer = stackalloc byte[8192];
        Volatile.Write(ref _oomKills,
            ProcStat.Named(buffer[..Math.Max(0, Libc.ReadFile("/proc/vmstat", buffer))], "oom_kill"u8) ?? 0);
        ReadOwnPeak();
    }

    private void ReadOwnPeak()
    {
        Span<byte> buffer = stackalloc byte[8192];
        var status = buffer[..Math.Max(0, Libc.ReadFile("/proc/self/status", buffer))];
        var at = status.IndexOf("VmHWM:"u8);
        if (at >= 0 && System.Buffers.Text.Utf8Parser.TryParse(
            status[(at + 6)..].TrimStart(" \t"u8), out long peak, out _))
            _ownPeakKiB = peak;
    }
}
