using Grpc.Core;

namespace NativeLink.Actors.LocalCluster.BlobAccess;

/// <summary>
/// Bytes on disk of all uploads that have not become blobs yet, those
/// that are being written as well as broken ones that are kept: without a
/// bound they would fill the disk beside a store that keeps to its own.
/// </summary>
/// <param name="most">Most bytes held at once.</param>
internal sealed class UploadBudget(long most)
{
    private readonly Lock _lock = new();
    private long _held;

    /// <summary>Asked to evict what no stream writes, when there is too little left for so many bytes.</summary>
    public Action<long>? EvictIdle { get; init; }

    public long Held
    {
        get
        {
            lock (_lock)
                return _held;
        }
    }

    /// <exception cref="RpcException">RESOURCE_EXHAUSTED: so many more bytes are beyond the bound;
    /// nothing was taken.</exception>
    public void Reserve(long bytes)
    {
        if (TryReserve(bytes))
            return;
        EvictIdle?.Invoke(bytes);
        if (!TryReserve(bytes))
            throw new RpcException(new Status(
                StatusCode.ResourceExhausted,
                $"uploads that have not ended yet hold {Held} bytes, and {bytes} more would be above the bound of " +
                $"{most}; end some, or wait until abandoned ones are forgotten"));
    }

    public void Release(long bytes)
    {
        lock (_lock)
            _held -= bytes;
    }

    /// <summary>All or nothing: what is refused must not be in the way of what would fit meanwhile.</summary>
    private bool TryReserve(long bytes)
    {
        lock (_lock)
        {
            if (bytes > most - _held)
                return false;
            _held += bytes;
            return true;
        }
    }
}
