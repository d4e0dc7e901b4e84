using System.Runtime.CompilerServices;
using Akka.Dispatch;

namespace NativeLink.Actors.Worker.Threads;

/// <summary>
/// How many threads of a dispatcher may be in work that blocks on the disk
/// (<c>disk-thread-count</c>): further work waits for a place, and with a disk that does not answer
/// the other threads still run what does not need it.
/// </summary>
internal sealed class DiskShare
{
    private static readonly ConditionalWeakTable<MessageDispatcher, DiskShare> Shares = [];

    private readonly MessageDispatcher _dispatcher;
    private readonly int _most;
    private readonly Lock _gate = new();
    private readonly Queue<Action> _waiting = new();
    private int _running;

    internal DiskShare(MessageDispatcher dispatcher, int most) => (_dispatcher, _most) = (dispatcher, most);

    /// <summary>The one that all work on this dispatcher has together.</summary>
    public static DiskShare Of(MessageDispatcher dispatcher) => Shares.GetValue(
        dispatcher,
        static of => new DiskShare(of, of.Configurator.Config.GetInt("disk-thread-count", int.MaxValue)));

    /// <summary>Runs it on the dispatcher: soon, or when there is a place again. It must not throw.</summary>
    public void Run(Action work)
    {
        lock (_gate)
        {
            if (_running == _most)
            {
                _waiting.Enqueue(work);
                return;
            }
            _running++;
        }
        Schedule(work);
    }

    /// <summary>A place for the caller's own thread, if there is one; <see cref="Leave"/> gives it back.</summary>
    public bool TryEnter()
    {
        lock (_gate)
        {
            if (_running == _most)
                return false;
            _running++;
            return true;
        }
    }

    public void Leave()
    {
        if (Next() is not { } next)
            return;
        try
        {
            Schedule(next);
        }
        catch (RejectedExecutionException)
        {
            // The dispatcher has ended, and with it whoever waits for that work.
        }
    }

    /// <summary>The thread goes on with what waits: to hand it to another one would cost a wake-up.</summary>
    private void Schedule(Action work) => _dispatcher.Schedule(() =>
    {
        for (var next = work; next is not null; next = Next())
            next();
    });

    /// <summary>What the place goes to; null when nobody waits for it, and then it is free.</summary>
    private Action? Next()
    {
        lock (_gate)
        {
            if (_waiting.TryDequeue(out var next))
                return next;
            _running--;
            return null;
        }
    }
}
