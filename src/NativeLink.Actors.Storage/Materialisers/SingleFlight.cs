namespace NativeLink.Actors.Storage.Materialisers;

/// <summary>
/// Lets concurrent callers that want the same thing share one piece of work. It goes on while
/// anybody waits and is cancelled when the last one has gone; the value it made is released when
/// the last one has taken it.
/// </summary>
internal sealed class SingleFlight<TValue>(Action<TValue> release)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<Digest, Flight> _flights = [];

    /// <summary>
    /// Does the work, or waits for who does it already, and hands its value to
    /// <paramref name="use"/> while it is held.
    /// </summary>
    public async Task<TResult> RunAsync<TResult>(
        Digest key, Func<CancellationToken, Task<TValue>> work, Func<TValue, TResult> use,
        CancellationToken cancellation)
    {
        var flight = Join(key, work);
        try
        {
            return use(await flight.Work.WaitAsync(cancellation));
        }
        finally
        {
            Leave(key, flight);
        }
    }

    private Flight Join(Digest key, Func<CancellationToken, Task<TValue>> work)
    {
        lock (_gate)
        {
            if (_flights.TryGetValue(key, out var flight))
            {
                flight.Waiters++;
                return flight;
            }
            flight = new Flight();
            _flights.Add(key, flight);
            flight.Work = StartAsync(work, flight.Cancellation.Token);
            return flight;
        }
    }

    /// <summary>Off the gate's thread, so that nothing of the work runs under the gate.</summary>
    private static async Task<TValue> StartAsync(
        Func<CancellationToken, Task<TValue>> work, CancellationToken cancellation)
    {
        await Task.Yield();
        return await work(cancellation);
    }

    private void Leave(Digest key, Flight flight)
    {
        lock (_gate)
        {
            if (--flight.Waiters > 0)
                return;
            _flights.Remove(key);
        }
        flight.Cancellation.Cancel();
        flight.Work.ContinueWith(
            done =>
            {
                flight.Cancellation.Dispose();
                if (done.IsCompletedSuccessfully)
                    release(done.Result);
                else
                    _ = done.Exception;
            },
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);
    }

    private sealed class Flight
    {
        public CancellationTokenSource Cancellation { get; } = new();

        public Task<TValue> Work { get; set; } = null!;

        public int Waiters { get; set; } = 1;
    }
}
