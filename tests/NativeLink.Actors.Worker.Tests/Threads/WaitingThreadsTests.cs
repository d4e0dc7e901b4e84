using Akka.Dispatch;
using NativeLink.Actors.Worker.Threads;

namespace NativeLink.Actors.Worker.Tests.Threads;

public sealed class WaitingThreadsTests
{
    private const int Most = 3;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly WaitingThreads _threads = new("test", Most);

    [Fact]
    public void Blocked_work_does_not_hold_up_other_work_while_there_are_threads()
    {
        using var meeting = new Barrier(Most + 1);

        for (var i = 0; i < Most; i++)
            Execute(() => meeting.SignalAndWait(Patience));

        Assert.True(meeting.SignalAndWait(Patience));
        _threads.Shutdown();
    }

    [Fact]
    public void There_are_never_more_threads_than_allowed_and_idle_ones_are_used_again()
    {
        var (threads, running, highest) = (new HashSet<int>(), 0, 0);
        using var done = new CountdownEvent(200);

        for (var i = 0; i < 200; i++)
        {
            Execute(() =>
            {
                var now = Interlocked.Increment(ref running);
                lock (threads)
                {
                    threads.Add(Environment.CurrentManagedThreadId);
                    highest = Math.Max(highest, now);
                }
                Interlocked.Decrement(ref running);
                done.Signal();
            });
        }

        Assert.True(done.Wait(Patience));
        Assert.InRange(threads.Count, 1, Most);
        Assert.InRange(highest, 1, Most);
        _threads.Shutdown();
    }

    [Fact]
    public void Work_from_many_sides_is_done_once_each_whether_threads_sleep_or_not()
    {
        var runs = new int[4000];
        using var done = new CountdownEvent(runs.Length);

        Parallel.For(0, runs.Length, i => Execute(() =>
        {
            Interlocked.Increment(ref runs[i]);
            done.Signal();
        }));

        Assert.True(done.Wait(Patience));
        Assert.All(runs, count => Assert.Equal(1, count));
        _threads.Shutdown();
    }

    [Fact]
    public void What_was_queued_before_the_end_is_done_and_nothing_is_taken_after_it()
    {
        using var gate = new ManualResetEventSlim();
        using var done = new CountdownEvent(10);
        for (var i = 0; i < 10; i++)
        {
            Execute(() =>
            {
                gate.Wait(Patience);
                done.Signal();
            });
        }

        _threads.Shutdown();
        gate.Set();

        Assert.True(done.Wait(Patience));
        Assert.Throws<RejectedExecutionException>(() => Execute(() => { }));
    }

    [Fact]
    public void Without_a_descriptor_for_another_thread_those_that_there_are_do_the_work()
    {
        var made = 0;
        var few = new WaitingThreads("few", Most, () =>
            Interlocked.Increment(ref made) == 1
                ? new WakeSignal()
                : throw new FaultException(FaultKind.Worker, "there is no descriptor"));
        using var done = new CountdownEvent(20);

        for (var i = 0; i < 20; i++)
            few.Execute(new ActionRunnable(() => done.Signal()));

        Assert.True(done.Wait(Patience));
        few.Shutdown();
    }

    private void Execute(Action action) => _threads.Execute(new ActionRunnable(action));
}
