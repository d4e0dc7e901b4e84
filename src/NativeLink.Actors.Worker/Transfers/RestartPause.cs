namespace NativeLink.Actors.Worker.Transfers;

/// <summary>
/// How long a service rests after a failure: longer each time, and short again after a quiet
/// minute. Outlives the service's incarnations.
/// </summary>
internal sealed class RestartPause(TimeProvider time)
{
    private static readonly TimeSpan First = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Quiet = TimeSpan.FromMinutes(1);

    private TimeSpan _next = First;
    private long _last;

    public TimeSpan Next()
    {
        if (time.GetElapsedTime(_last) > Quiet)
            _next = First;
        _last = time.GetTimestamp();
        var pause = _next;
        _next = _next * 2 < Longest ? _next * 2 : Longest;
        return pause;
    }
}
