using Akka.Configuration;
using Akka.Dispatch;

namespace NativeLink.Actors.Worker.Remote;

/// <summary>Lets hocon name <see cref="WaitingThreads"/> as a dispatcher's executor; <c>thread-count</c> says how many there may be.</summary>
public sealed class WaitingThreadsConfigurator(Config config, IDispatcherPrerequisites prerequisites) : ExecutorServiceConfigurator(config, prerequisites)
{
    public override ExecutorService Produce(string id) => new WaitingThreads(id, Config.GetInt("thread-count"));
}

/// <summary>
/// Threads that sleep in the kernel while there is nothing to do. Akka's own dedicated threads look for work in a loop first, with sched_yield(2): under a
/// steady load of short steps that took more processor time than the steps. A thread is started when all others are busy.
/// </summary>
public sealed class WaitingThreads : ExecutorService
{
    private readonly object _gate = new();
    private readonly Queue<IRunnable> _work = new();
    private readonly int _most;
    private int _started;
    private int _idle;
    private bool _stopped;

    public WaitingThreads(string id, int most)
        : base(id) => _most = Math.Max(1, most);

    public override void Execute(IRunnable run)
    {
        lock (_gate)
        {
            if (_stopped)
                throw new RejectedExecutionException($"the threads of {Id} have been stopped");
            _work.Enqueue(run);
            if (_idle >= _work.Count)
                Monitor.Pulse(_gate);
            else if (_started < _most)
                new Thread(Loop) { IsBackground = true, Name = $"{Id}-{++_started}" }.Start();
        }
    }

    /// <summary>What is queued is still done.</summary>
    public override void Shutdown()
    {
        lock (_gate)
        {
            _stopped = true;
            Monitor.PulseAll(_gate);
        }
    }

    private void Loop()
    {
        while (Next() is { } run)
            run.Run();
    }

    private IRunnable? Next()
    {
        lock (_gate)
        {
            while (_work.Count == 0 && !_stopped)
            {
                _idle++;
                Monitor.Wait(_gate);
                _idle--;
            }
            return _work.TryDequeue(out var run) ? run : null;
        }
    }
}
