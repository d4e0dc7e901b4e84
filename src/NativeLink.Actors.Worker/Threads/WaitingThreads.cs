using Akka.Configuration;
using Akka.Dispatch;

namespace NativeLink.Actors.Worker.Threads;

/// <summary>
/// Lets hocon name <see cref="WaitingThreads"/> as a dispatcher's executor; <c>thread-count</c> says
/// how many there may be, <c>disk-thread-count</c> how many of them may be in work on the disk.
/// </summary>
internal sealed class WaitingThreadsConfigurator(
    Config config, IDispatcherPrerequisites prerequisites) : ExecutorServiceConfigurator(config, prerequisites)
{
    public override ExecutorService Produce(string id)
    {
        var threads = Config.GetInt("thread-count");
        return new WaitingThreads(id, threads, Config.GetInt("disk-thread-count", threads));
    }
}

/// <summary>
/// Threads that sleep in the kernel while there is nothing to do, and are woken by one system call.
/// Akka's own dedicated threads look for work in a loop first, with sched_yield(2), and whoever is
/// woken by a monitor finds it still held and does the same: under a steady load of short steps
/// either took more processor time than the steps. The thread that fell asleep last is woken first;
/// one is started when all others are busy. A disk that does not answer takes no more than its
/// share of them: actors still hear kills and time-outs.
/// </summary>
internal sealed class WaitingThreads : ExecutorService
{
    private readonly Lock _gate = new();
    private readonly Queue<IRunnable> _work = new();
    private readonly Stack<WakeSignal> _asleep = new();
    private readonly Func<WakeSignal> _makeSignal;
    private readonly Queue<IRunnable> _diskWork = new();
    private readonly int _most;
    private readonly int _mostOnDisk;
    private int _started;
    private int _onDisk;
    private int _waking;
    private bool _stopped;

    /// <param name="most">How many threads there may be.</param>
    /// <param name="mostOnDisk">How many of them may be in work
    /// that is no mailbox, which may block on the disk.</param>
    public WaitingThreads(string id, int most, int mostOnDisk)
        : this(id, most, mostOnDisk, static () => new WakeSignal())
    {
    }

    internal WaitingThreads(string id, int most, int mostOnDisk, Func<WakeSignal> makeSignal)
        : base(id)
    {
        (_most, _mostOnDisk, _makeSignal) = (Math.Max(1, most), Math.Max(1, mostOnDisk), makeSignal);
        Start();
    }

    public override void Execute(IRunnable run)
    {
        WakeSignal? sleeper = null;
        lock (_gate)
        {
            if (_stopped)
                throw new RejectedExecutionException($"the threads of {Id} have been stopped");
            if (IsWork(run) && _onDisk == _mostOnDisk)
            {
                _diskWork.Enqueue(run);
                return;
            }
            if (IsWork(run))
                _onDisk++;
            _work.Enqueue(run);
            if (_waking >= _work.Count)
                return;
            if (_asleep.TryPop(out sleeper))
                _waking++;
            else if (_started < _most)
                TryStart();
        }
        sleeper?.Set();
    }

    /// <summary>What is queued is still done.</summary>
    public override void Shutdown()
    {
        List<WakeSignal> sleepers;
        lock (_gate)
        {
            _stopped = true;
            sleepers = [.. _asleep];
            _waking += _asleep.Count;
            _asleep.Clear();
        }
        sleepers.ForEach(static sleeper => sleeper.Set());
    }

    /// <summary>
    /// Without a further thread those that there are do the work, and the next that comes asks
    /// again: the first is there from the beginning.
    /// </summary>
    private void TryStart()
    {
        try
        {
            Start();
        }
        catch (Exception error) when (error is OutOfMemoryException or ThreadStartException or FaultException)
        {
            // Not counted: it has not started.
        }
    }

    private void Start()
    {
        // Made here, where somebody hears that there is no descriptor: on the new thread that would
        // be the end of the process.
        var signal = _makeSignal();
        try
        {
            new Thread(() => Loop(signal)) { IsBackground = true, Name = $"{Id}-{_started + 1}" }.Start();
        }
        catch
        {
            signal.Dispose();
            throw;
        }
        _started++;
    }

    private void Loop(WakeSignal made)
    {
        using var signal = made;
        IRunnable? done = null;
        while (Next(signal, done) is { } run)
        {
            run.Run();
            done = run;
        }
    }

    private IRunnable? Next(WakeSignal signal, IRunnable? done)
    {
        while (true)
        {
            lock (_gate)
            {
                if (done is not null && IsWork(done) && !TryPassOn())
                    _onDisk--;
                done = null;
                if (_work.TryDequeue(out var run))
                    return run;
                if (_stopped)
                    return null;
                _asleep.Push(signal);
            }
            signal.Wait();
            lock (_gate)
                _waking--;
        }
    }

    /// <summary>An actor's handlers do not block; what was given to its dispatcher as a task may.</summary>
    private static bool IsWork(IRunnable run) => run is not Mailbox;

    /// <summary>The place on the disk goes to whoever waits for one.</summary>
    private bool TryPassOn()
    {
        if (!_diskWork.TryDequeue(out var next))
            return false;
        _work.Enqueue(next);
        return true;
    }
}
