namespace NativeLink.Actors.Worker.Transfers;

/// <summary>A request whose answer is a promise.</summary>
internal interface IPromised
{
    void Break(Fault fault);
}

/// <summary>An answer that an actor gives to code that awaits it. Whoever is too late with a value keeps it.</summary>
internal sealed class Promise<T>
{
    private readonly TaskCompletionSource<T> _source = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public bool TryKeep(T value) => _source.TrySetResult(value);

    public void Break(Fault fault) => _source.TrySetException(new FaultException(fault));

    /// <summary>
    /// Waits for the answer; who gives up says so to
    /// <paramref name="onGivenUp"/>, and a later answer is refused.
    /// </summary>
    /// <exception cref="FaultException">The promise was broken.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    public async Task<T> WaitAsync(Action onGivenUp, CancellationToken cancellation)
    {
        await using var registered = cancellation.Register(() =>
        {
            if (_source.TrySetCanceled(cancellation))
                onGivenUp();
        });
        return await _source.Task;
    }
}
