using Microsoft.Extensions.Time.Testing;

namespace NativeLink.Actors.Storage.Tests.Filesystem;

/// <summary>A clock that stands until it is moved, and tells whether the one timer made with it waits.</summary>
internal sealed class WatchedTime(DateTimeOffset start) : FakeTimeProvider(start)
{
    private int _waiting;

    public int Waiting => Volatile.Read(ref _waiting);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Watched(this, base.CreateTimer(Fire, state, dueTime, period));
        Volatile.Write(ref _waiting, 1);
        return timer;

        void Fire(object? passed)
        {
            Volatile.Write(ref _waiting, 0);
            callback(passed);
        }
    }

    private sealed class Watched(WatchedTime clock, ITimer timer) : ITimer
    {
        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            var changed = timer.Change(dueTime, period);
            Volatile.Write(ref clock._waiting, dueTime == Timeout.InfiniteTimeSpan ? 0 : 1);
            return changed;
        }

        public void Dispose()
        {
            timer.Dispose();
            Volatile.Write(ref clock._waiting, 0);
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
