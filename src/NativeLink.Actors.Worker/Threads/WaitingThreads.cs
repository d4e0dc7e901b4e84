using Akka.Configuration;
using Akka.Dispatch;

namespace NativeLink.Actors.Worker.Threads;

/// <summary>
/// Lets hocon name <see cref="WaitingThreads"/> as a dispatcher's executor; <c>thread-count</c> says
/// how many there may be.
/// </summary>
internal sealed class WaitingThreadsConfigurator(
    Config config, IDispatcherPrerequisites prerequisites) : ExecutorServiceConfigurator(config, prerequisites)
{
    public override ExecutorService Produce(string id) => new WaitingThreads(id, Config.GetInt("thread-count"));
}

/// <summary>
/// Threads that sleep in the kernel while there is nothing to do, and are woken by one system call.
/// Akka's own dedicated threads look for work in a loop first, with sched_yield(2), and whoever is
/// woken by a monitor finds it still held and does the same: under a steady load of short steps
/// either took more processor time than the steps. The thread that fell asleep last is woken first;
/// one is started when all others are busy.
/// </summary>
internal sealed class WaitingThreads : ExecutorService
{
    private readonly Lock _gate = new();
    private readonly Queue<IRunnable> _work = new();
    private readonly Stack<WakeSignal> _asleep = new();
    private readonly Func<WakeSignal> _makeSignal;
    private readonly int _most;
    private int _started;
    private int _waking;
    private bool _stopped;

    public WaitingThreads(string id, int most)
        : this(id, most, static () => new WakeSignal())
    {
    }

    internal WaitingThreads(string id, int most, Func<WakeSignal> makeSignal)
        : base(id)
    {
        (_most, _makeSignal) = (Math.Max(1, most), makeSignal);
        Start();
    }

    public override void Execute(IRunnable run)
    {
        WakeSignal? sleeper = null;
        lock (_gate)
        {
            if (_stopped)
                throw new RejectedExecutionException($"the threads of {Id} have been stopped");
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
        while (Next(signal) is { } run)
            run.Run();
    }

    private IRunnable? Next(WakeSignal signal)
    {
        while (true)
        {
            lock (_gate)
            {
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
}
