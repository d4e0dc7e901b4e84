using System.Collections.Immutable;
using Grpc.Core;
using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Worker.Remote;

namespace NativeLink.Actors.Worker.Inputs;

/// <summary>
/// Brings blobs into the content store: small ones in shared batches, large ones in streams, each once however many want it. Who gives up takes
/// nothing from the others; what nobody wants any more is stopped.
/// </summary>
internal sealed class FileSource(ICasClient cas, ContentStore store, BatchQueue batches, TaskScheduler disk, CancellationToken lifetime) : IDisposable
{
    private const int Streams = 8;

    /// <summary>A blob may be evicted between its arrival and its lease when the store is too small; then it is fetched again, so many times.</summary>
    private const int Rounds = 4;

    private readonly Dictionary<Digest, Flight> _flights = [];
    private readonly SemaphoreSlim _streams = new(Streams);

    /// <summary>Blobs that have landed; who finds it unchanged since it last looked into the store need not look again. Written under the lock.</summary>
    private long _landed;

    /// <exception cref="FaultException">Missing: every digest that the CAS lacks. Storage: the first other failure.</exception>
    public async Task<IDisposable> FetchAsync(IReadOnlyCollection<Digest> files, CancellationToken cancellation)
    {
        var leases = new Leases();
        try
        {
            var open = files.Where(digest => !digest.IsEmpty).Distinct().ToList();
            for (var round = 0; round < Rounds; round++)
            {
                var landed = Volatile.Read(ref _landed);
                open.RemoveAll(digest => leases.TryAdd(store.TryLease(digest)));
                if (open.Count > 0)
                    await FetchOnceAsync(open, leases, landed, cancellation);
                if (open.Count == 0)
                    return leases;
            }
            throw new FaultException(
                FaultKind.Storage, $"blob {open[0]} was evicted from the local store {Rounds} times before it could be used: raise max_bytes or max_count");
        }
        catch
        {
            leases.Dispose();
            throw;
        }
    }

    public void Dispose() => _streams.Dispose();

    private async Task FetchOnceAsync(List<Digest> open, Leases leases, long landed, CancellationToken cancellation)
    {
        var flights = Join(open, leases, landed);
        try
        {
            await Task.WhenAll(flights.Select(flight => flight.Done.Task)).WaitAsync(cancellation);
            var faults = flights.Select(flight => flight.Done.Task.Result).OfType<Fault>().ToList();
            if (faults.FirstOrDefault(fault => fault.Kind != FaultKind.Missing) is { } fault)
                throw new FaultException(fault);
            if (faults.Count > 0)
                throw new FaultException(MissingBlobs.Fault("input files", faults.SelectMany(missing => missing.Missing)));
            open.RemoveAll(digest => leases.TryAdd(store.TryLease(digest)));
        }
        finally
        {
            Leave(flights);
        }
    }

    private List<Flight> Join(List<Digest> open, Leases leases, long landed)
    {
        var joined = new List<Flight>(open.Count);
        var begun = new List<Flight>();
        lock (_flights)
        {
            // What was in flight when the store was asked may have landed since: it is fetched only if it is neither here nor on its way.
            if (_landed != landed)
                open.RemoveAll(digest => !_flights.ContainsKey(digest) && leases.TryAdd(store.TryLease(digest)));
            foreach (var digest in open)
            {
                if (!_flights.TryGetValue(digest, out var flight) || flight.Stop.IsCancellationRequested)
                {
                    flight = new Flight(digest, CancellationTokenSource.CreateLinkedTokenSource(lifetime));
                    _flights[digest] = flight;
                    begun.Add(flight);
                }
                flight.Waiters++;
                joined.Add(flight);
            }
        }
        batches.Enqueue([.. begun.Where(IsSmall).Select(flight => new QueuedBlob(flight.Digest, () => IsWanted(flight), blob => Store(flight, blob, again: true)))]);
        foreach (var flight in begun.Where(flight => !IsSmall(flight)))
            _ = Task.Factory.StartNew(() => StreamAsync(flight), CancellationToken.None, TaskCreationOptions.DenyChildAttach, disk);
        return joined;
    }

    private static bool IsSmall(Flight flight) => flight.Digest.SizeBytes <= CasLimits.SmallBlobBytes;

    private bool IsWanted(Flight flight)
    {
        lock (_flights)
            return flight.Waiters > 0;
    }

    private void Leave(List<Flight> flights)
    {
        foreach (var flight in flights)
        {
            lock (_flights)
            {
                if (--flight.Waiters > 0)
                    continue;
                if (_flights.GetValueOrDefault(flight.Digest) == flight)
                    _flights.Remove(flight.Digest);
            }
            flight.Abandon();
        }
    }

    private void Store(Flight flight, BatchBlob blob, bool again)
    {
        var fault = blob.Fault;
        if (fault is null && blob.Data.Length != flight.Digest.SizeBytes)
            fault = MissingBlobs.Corrupt(flight.Digest);
        try
        {
            if (fault is null)
                store.Put(flight.Digest, blob.Data.Span);
        }
        catch (Exception error)
        {
            fault = FaultOf(flight.Digest, error);
        }
        if (fault is { Code: StatusCode.DataLoss } && again)
            batches.Enqueue([new QueuedBlob(flight.Digest, () => IsWanted(flight), second => Store(flight, second, again: false))]);
        else
            Land(flight, fault);
    }

    private async Task StreamAsync(Flight flight)
    {
        Fault? fault = null;
        try
        {
            await _streams.WaitAsync(flight.Stop);
            try
            {
                for (var attempt = 0; attempt < 2; attempt++)
                {
                    fault = await StreamOnceAsync(flight);
                    if (fault is not { Code: StatusCode.DataLoss })
                        break;
                }
            }
            finally
            {
                _streams.Release();
            }
        }
        catch (Exception error)
        {
            fault = FaultOf(flight.Digest, error);
        }
        Land(flight, fault);
    }

    private async Task<Fault?> StreamOnceAsync(Flight flight)
    {
        try
        {
            using var writer = store.BeginWrite(flight.Digest);
            await cas.ReadAsync(flight.Digest, writer.Append, flight.Stop);
            writer.Commit();
            return null;
        }
        catch (FaultException error)
        {
            var fault = FaultOf(flight.Digest, error);
            return fault.Code == StatusCode.ResourceExhausted && await IsMissingAsync(flight) ? BlobReader.MissingFault(flight.Digest) : fault;
        }
    }

    /// <summary>For a blob that has no room here another worker may have: not for one that does not exist.</summary>
    private async Task<bool> IsMissingAsync(Flight flight)
    {
        try
        {
            return !(await cas.FindMissingAsync([flight.Digest], flight.Stop)).IsEmpty;
        }
        catch (FaultException)
        {
            // What is known already is the better reason.
            return false;
        }
    }

    private static Fault FaultOf(Digest digest, Exception error)
    {
        var fault = Fault.From(error, FaultKind.Storage);
        return fault is { Kind: FaultKind.Storage, Code: StatusCode.DataLoss } ? MissingBlobs.Corrupt(digest) : fault;
    }

    private void Land(Flight flight, Fault? fault)
    {
        lock (_flights)
        {
            try
            {
                // The lease of the flight itself keeps the blob until all who wait have theirs.
                if (fault is null && flight.Waiters > 0)
                    flight.Hold = store.TryLease(flight.Digest);
            }
            catch (Exception error)
            {
                fault = FaultOf(flight.Digest, error);
            }
            if (_flights.GetValueOrDefault(flight.Digest) == flight)
                _flights.Remove(flight.Digest);
            if (fault is null)
                Volatile.Write(ref _landed, _landed + 1);
        }
        flight.Done.TrySetResult(fault);
    }

    private sealed class Flight(Digest digest, CancellationTokenSource stop)
    {
        public Digest Digest { get; } = digest;

        /// <summary>Cancelled when nobody waits any more.</summary>
        public CancellationToken Stop { get; } = stop.Token;

        public TaskCompletionSource<Fault?> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public int Waiters { get; set; }

        public IDisposable? Hold { get; set; }

        public void Abandon()
        {
            Hold?.Dispose();
            stop.Cancel();
            stop.Dispose();
        }
    }

    private sealed class Leases : IDisposable
    {
        private ImmutableArray<IDisposable>.Builder _held = ImmutableArray.CreateBuilder<IDisposable>();

        public bool TryAdd(IDisposable? lease)
        {
            if (lease is not null)
                _held.Add(lease);
            return lease is not null;
        }

        public void Dispose()
        {
            foreach (var lease in Interlocked.Exchange(ref _held, ImmutableArray.CreateBuilder<IDisposable>()))
                lease.Dispose();
        }
    }
}
