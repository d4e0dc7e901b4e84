using NativeLink.Actors.Cas;

namespace NativeLink.Actors.Worker.Transfers;

/// <summary>A blob that waits for a call.</summary>
internal interface IQueuedBlob
{
    Digest Digest { get; }

    /// <summary>Looked at right before the call: what nobody waits for any more is passed over.</summary>
    bool IsWanted { get; }
}

/// <summary>
/// Blobs that wait for calls: small ones for batches, large ones each for a stream. Owned by one
/// actor; not safe for several threads.
/// </summary>
internal sealed class BlobQueue<T>
    where T : class, IQueuedBlob
{
    private readonly Queue<T> _small = new();
    private readonly Queue<T> _large = new();

    public void Enqueue(T blob, bool isSmall) => (isSmall ? _small : _large).Enqueue(blob);

    /// <summary>
    /// The next small blobs that one call can carry, all
    /// of one digest function; none when nothing waits.
    /// </summary>
    /// <param name="mostBytes">What the blobs of one call may have together.</param>
    public List<T> TakeBatch(long mostBytes)
    {
        var batch = new List<T>();
        var weight = new BatchWeight(mostBytes);
        while (_small.TryPeek(out var next))
        {
            if (!next.IsWanted)
            {
                _small.Dequeue();
                continue;
            }
            if ((batch.Count > 0 && next.Digest.Function != batch[0].Digest.Function)
                || !weight.TryAdd(next.Digest.SizeBytes))
                break;
            batch.Add(_small.Dequeue());
        }
        return batch;
    }

    /// <summary>The next large blob; null when none waits.</summary>
    public T? TakeLarge()
    {
        while (_large.TryDequeue(out var next))
        {
            if (next.IsWanted)
                return next;
        }
        return null;
    }
}
