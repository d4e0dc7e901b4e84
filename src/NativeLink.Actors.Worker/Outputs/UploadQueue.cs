using NativeLink.Actors.Cas;
using NativeLink.Actors.Worker.Transfers;

namespace NativeLink.Actors.Worker.Outputs;

/// <summary>
/// Which blobs are brought, by whom, which of them the CAS is to be asked about and which are to be
/// sent: each once, whoever brings it. Owned by the uploader; not safe for several threads.
/// </summary>
internal sealed class UploadQueue(ICasClient cas, ExistenceCache recent)
{
    private readonly Dictionary<Digest, PendingUpload> _pending = [];
    private readonly BlobQueue<PendingUpload> _queue = new();
    private List<PendingUpload> _unasked = [];

    /// <summary>
    /// Takes a round of blobs up; those that the CAS was
    /// known to have a moment ago are settled at once.
    /// </summary>
    public void Begin(BlobSending sending)
    {
        sending.BeginRound(cas.Absences);
        foreach (var blob in sending.Blobs)
        {
            if (recent.Contains(blob.Digest, sending.Absences))
            {
                sending.Settle(null, asked: null, sending.Absences);
                continue;
            }
            if (!_pending.TryGetValue(blob.Digest, out var upload))
            {
                _pending.Add(blob.Digest, upload = new PendingUpload(blob.Digest));
                _unasked.Add(upload);
            }
            upload.Senders.Add((sending, blob));
        }
    }

    /// <summary>What is brought by nobody else is not sent, or stopped.</summary>
    public void Leave(BlobSending sending)
    {
        foreach (var blob in sending.Blobs)
        {
            if (!_pending.TryGetValue(blob.Digest, out var upload)
                || upload.Senders.RemoveAll(one => one.Sender == sending) == 0 || upload.IsWanted)
                continue;
            _pending.Remove(blob.Digest);
            upload.Stop?.Cancel();
        }
    }

    /// <summary>All that the CAS has not been asked about, in one call.</summary>
    public IReadOnlyList<PendingUpload> TakeUnasked()
    {
        var taken = _unasked.FindAll(static upload => upload.IsWanted);
        _unasked = [];
        taken.ForEach(upload => upload.Absences = cas.Absences);
        return taken;
    }

    /// <summary>The CAS lacks it.</summary>
    public void Enqueue(PendingUpload upload) => _queue.Enqueue(upload, cas.IsSmall(upload.Digest));

    /// <summary>The next small blobs of one call, each with the bytes to send; none when nothing waits.</summary>
    public IReadOnlyList<(PendingUpload Upload, OutputBlob Blob)> TakeBatch() =>
        [.. _queue.TakeBatch(cas.MaxBatchBytes).Select(static upload => (upload, Take(upload)))];

    /// <summary>The next large one.</summary>
    public (PendingUpload Upload, OutputBlob Blob)? TakeLarge() =>
        _queue.TakeLarge() is { } upload ? (upload, Take(upload)) : null;

    /// <summary>
    /// It is in the CAS, or will not be. Answers who is told of it; where only the bytes of one
    /// sender were at fault, those of the next are queued.
    /// </summary>
    /// <param name="wasThere">Whether the CAS said that it has it.</param>
    public IReadOnlyList<BlobSending> Settle(PendingUpload upload, Fault? fault, bool wasThere)
    {
        var used = upload.UnderWay;
        (upload.UnderWay, upload.Stop) = (null, null);
        List<BlobSending> told;
        if (used is not null && fault is { Kind: FaultKind.Worker or FaultKind.Aborted }
            && upload.Senders.Exists(one => one.Blob != used))
        {
            told = [.. upload.Senders.Where(one => one.Blob == used).Select(static one => one.Sender)];
            upload.Senders.RemoveAll(one => one.Blob == used);
            Enqueue(upload);
        }
        else
        {
            told = [.. upload.Senders.Select(static one => one.Sender)];
            upload.Senders.Clear();
            if (_pending.GetValueOrDefault(upload.Digest) == upload)
                _pending.Remove(upload.Digest);
            if (fault is null)
                recent.Add(upload.Digest, upload.Absences);
        }
        told.ForEach(sending => sending.Settle(fault, wasThere ? upload.Absences : null, upload.Absences));
        return told;
    }

    private static OutputBlob Take(PendingUpload upload) => upload.UnderWay = upload.Senders[0].Blob;
}
