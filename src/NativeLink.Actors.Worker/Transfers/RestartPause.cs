using NativeLink.Actors.Worker.Supervision;


namespace NativeLink.Actors.Worker.Transfers;

/// <summary>
/// How long a service rests after a failure: longer each time, and short again after a quiet
/// minute. Outlives the service's incarnations.
/// </summary>
internal sealed class RestartPause(TimeProvider time)
{
    private static readonly TimeSpan Quiet = TimeSpan.FromMinutes(1);

    private readonly GrowingDelay _delay = new(TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(5));
    private long _last;

    public TimeSpan Next()
    {
        if (time.GetElapsedTime(_last) > Quiet)
            _delay.Reset();
        _last = time.GetTimestamp();
        return _delay.Next();
    }
}
