namespace NativeLink.Actors.Worker.Inputs;

/// <summary>Leases of several blobs, ended together.</summary>
internal sealed class Leases : IDisposable
{
    private List<IDisposable> _held = [];

    public void Add(IDisposable lease) => _held.Add(lease);

    public void Dispose()
    {
        foreach (var lease in Interlocked.Exchange(ref _held, []))
            lease.Dispose();
    }
}

/// <summary>One lease that several hold: it ends with the last of them.</summary>
internal sealed class SharedLease(IDisposable lease, int holders)
{
    private int _holders = holders;

    /// <summary>A part for one holder; as many are taken as there are holders.</summary>
    public IDisposable Part() => new Holder(this);

    private void Leave()
    {
        if (Interlocked.Decrement(ref _holders) == 0)
            lease.Dispose();
    }

    private sealed class Holder(SharedLease shared) : IDisposable
    {
        private SharedLease? _shared = shared;

        public void Dispose() => Interlocked.Exchange(ref _shared, null)?.Leave();
    }
}
