using NativeLink.Actors.Worker.Remote;

namespace NativeLink.Actors.Worker.Inputs;

/// <summary>One small blob that somebody wants.</summary>
/// <param name="Wanted">Asked right before the call: what nobody waits for any more is not fetched.</param>
/// <param name="Arrived">Hears the bytes or the fault exactly once; the next batch waits until it returns, which bounds the memory.</param>
internal readonly record struct QueuedBlob(Digest Digest, Func<bool> Wanted, Action<BatchBlob> Arrived);

/// <summary>
/// Fills batch reads across actions. A lone request leaves at once, on the caller's thread; what comes while all slots are busy leaves together, as full as the
/// limit allows, when the next slot is free.
/// </summary>
internal sealed class BatchQueue(ICasClient cas, TaskScheduler disk, CancellationToken lifetime)
{
    private const int Slots = 8;

    /// <summary>What an entry costs in a message beside its bytes.</summary>
    private const int EntryBytes = 128;

    private readonly Queue<QueuedBlob> _queue = [];
    private int _busy;

    public void Enqueue(IReadOnlyCollection<QueuedBlob> blobs)
    {
        lock (_queue)
        {
            foreach (var blob in blobs)
                _queue.Enqueue(blob);
        }
        Pump();
    }

    private void Pump()
    {
        while (true)
        {
            List<QueuedBlob> batch;
            bool alone;
            lock (_queue)
            {
                if (_busy == Slots || _queue.Count == 0)
                    return;
                batch = Take();
                alone = _busy == 0 && _queue.Count == 0;
                if (batch.Count > 0)
                    _busy++;
            }
            if (batch.Count > 0 && alone && TaskScheduler.Current == disk)
                _ = RunAsync(batch);
            else if (batch.Count > 0)
                _ = Task.Factory.StartNew(() => RunAsync(batch), CancellationToken.None, TaskCreationOptions.DenyChildAttach, disk);
        }
    }

    private List<QueuedBlob> Take()
    {
        var batch = new List<QueuedBlob>();
        long bytes = 0;
        long message = 0;
        while (_queue.TryPeek(out var next))
        {
            var fits = bytes + next.Digest.SizeBytes <= cas.MaxBatchBytes && message + next.Digest.SizeBytes + EntryBytes <= CasLimits.MessageBytes;
            if (batch.Count > 0 && (!fits || next.Digest.Function != batch[0].Digest.Function))
                break;
            _queue.Dequeue();
            if (!next.Wanted())
                continue;
            batch.Add(next);
            bytes += next.Digest.SizeBytes;
            message += next.Digest.SizeBytes + EntryBytes;
        }
        return batch;
    }

    private async Task RunAsync(List<QueuedBlob> batch)
    {
        try
        {
            var blobs = await ReadAsync(batch);
            foreach (var item in batch)
            {
                item.Arrived(blobs.TryGetValue(item.Digest, out var blob)
                    ? blob
                    : new BatchBlob(item.Digest, default, new Fault(FaultKind.Storage, $"blob {item.Digest} was left out of the answer")));
            }
        }
        finally
        {
            lock (_queue)
                _busy--;
            Pump();
        }
    }

    private async Task<Dictionary<Digest, BatchBlob>> ReadAsync(List<QueuedBlob> batch)
    {
        var digests = batch.Select(item => item.Digest).ToHashSet();
        try
        {
            var blobs = await cas.ReadBatchAsync(digests, lifetime);
            return blobs.ToDictionary(blob => blob.Digest);
        }
        catch (Exception error)
        {
            var fault = Fault.From(error, FaultKind.Storage);
            return digests.ToDictionary(digest => digest, digest => new BatchBlob(digest, default, fault));
        }
    }
}
