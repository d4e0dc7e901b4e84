using Google.Protobuf;
using NativeLink.Actors.Cas;
using NativeLink.Actors.Worker.Transfers;

namespace NativeLink.Actors.Worker.Inputs;

/// <summary>What a blob is wanted as.</summary>
internal enum BlobKind
{
    /// <summary>In the store, as it is.</summary>
    File,
    Action,
    Command,
    Directory,
}

/// <summary>Somebody who waits for blobs.</summary>
internal interface IBlobWaiter
{
    /// <summary>One of the blobs that it waits for has come, or will not; once for each.</summary>
    /// <param name="lease">Of a file, for this waiter alone; null when it was evicted at once.</param>
    void OnArrived(WantedBlob blob, in Arrival arrival, IDisposable? lease);
}

/// <summary>How a blob came, or why not.</summary>
/// <param name="Message">Decoded; null for files.</param>
/// <param name="Lease">Of a file in the store.</param>
internal readonly record struct Arrival(IMessage? Message, IDisposable? Lease, Fault? Fault)
{
    /// <summary>Why the bytes, which are those of the digest, are not the message that they were wanted as.</summary>
    public string? Undecodable { get; init; }
}

/// <summary>A blob that is queued or on its way.</summary>
internal sealed class WantedBlob(Digest digest, BlobKind kind) : IQueuedBlob
{
    public Digest Digest => digest;

    public BlobKind Kind => kind;

    public bool IsWanted => Waiters.Count > 0;

    public List<IBlobWaiter> Waiters { get; } = [];

    /// <summary>Ends the stream of a large one; null while it is queued.</summary>
    public CancellationTokenSource? Stop { get; set; }

    /// <summary>Its content came corrupt once: one more time is tried.</summary>
    public bool IsSecondTry { get; set; }
}

/// <summary>
/// Which blobs are wanted, by whom, and which come next: each once, whoever asks. Owned by one
/// actor; not safe for several threads.
/// </summary>
internal sealed class WantedBlobs(ICasClient cas)
{
    private readonly Dictionary<(Digest, BlobKind), WantedBlob> _wanted = [];
    private readonly BlobQueue<WantedBlob> _queue = new();

    public bool Contains(in Digest digest, BlobKind kind) => _wanted.ContainsKey((digest, kind));

    public void Want(in Digest digest, BlobKind kind, IBlobWaiter waiter)
    {
        if (!_wanted.TryGetValue((digest, kind), out var blob))
        {
            _wanted.Add((digest, kind), blob = new WantedBlob(digest, kind));
            Enqueue(blob);
        }
        blob.Waiters.Add(waiter);
    }

    /// <summary>What nobody waits for any more is stopped, or never begun.</summary>
    public void Leave(in Digest digest, BlobKind kind, IBlobWaiter waiter)
    {
        if (!_wanted.TryGetValue((digest, kind), out var blob) || !blob.Waiters.Remove(waiter)
            || blob.Waiters.Count > 0)
            return;
        // Whoever wants it from now on wants it anew.
        _wanted.Remove((digest, kind));
        blob.Stop?.Cancel();
    }

    /// <inheritdoc cref="BlobQueue{T}.TakeBatch"/>
    public List<WantedBlob> TakeBatch(long mostBytes) => _queue.TakeBatch(mostBytes);

    /// <inheritdoc cref="BlobQueue{T}.TakeLarge"/>
    public WantedBlob? TakeLarge() => _queue.TakeLarge();

    /// <summary>Once more, after the others.</summary>
    public void TryAgain(WantedBlob blob)
    {
        (blob.IsSecondTry, blob.Stop) = (true, null);
        if (blob.IsWanted)
            Enqueue(blob);
    }

    /// <summary>It has come, or will not: all who wait are told.</summary>
    public void Settle(WantedBlob blob, in Arrival arrival)
    {
        if (_wanted.TryGetValue((blob.Digest, blob.Kind), out var current) && current == blob)
            _wanted.Remove((blob.Digest, blob.Kind));
        IBlobWaiter[] waiters = [.. blob.Waiters];
        blob.Waiters.Clear();
        var shared = arrival.Lease is null || waiters.Length < 2
            ? null
            : new SharedLease(arrival.Lease, waiters.Length);
        if (waiters.Length == 0)
            arrival.Lease?.Dispose();
        foreach (var waiter in waiters)
            waiter.OnArrived(blob, arrival, shared is null ? arrival.Lease : shared.Part());
    }

    private void Enqueue(WantedBlob blob) => _queue.Enqueue(blob, cas.IsSmall(blob.Digest));
}
