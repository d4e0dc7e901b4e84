using NativeLink.Actors.Worker.Transfers;

namespace NativeLink.Actors.Worker.Outputs;

/// <summary>A blob that somebody brings: asked about, queued or on its way.</summary>
internal sealed class PendingUpload(Digest digest) : IQueuedBlob
{
    public Digest Digest => digest;

    public bool IsWanted => Senders.Count > 0;

    /// <summary>All who bring it, each with bytes of its own.</summary>
    public List<(BlobSending Sender, OutputBlob Blob)> Senders { get; } = [];

    /// <summary>Whose bytes are on their way; null while none are.</summary>
    public OutputBlob? UnderWay { get; set; }

    /// <summary>The CAS's absences before it was asked about this blob.</summary>
    public long Absences { get; set; }

    /// <summary>Ends the stream of a large one.</summary>
    public CancellationTokenSource? Stop { get; set; }
}

/// <summary>
/// Blobs that one action brings; ends when the last of them is in the CAS, or the first will not
/// be. Owned by the uploader.
/// </summary>
internal sealed class BlobSending(SendProtocol.SendBlobs request)
{
    private int _open;
    private bool _isStale;

    public IReadOnlyCollection<OutputBlob> Blobs => request.Blobs;

    public object Promise => request.Answer;

    /// <summary>
    /// The CAS's absences when this round began: should it go away meanwhile, it may have lost what
    /// it was known to have, and what it was given.
    /// </summary>
    public long Absences { get; private set; }

    /// <summary>How often everything has been asked for, from 1.</summary>
    public int Round { get; private set; }

    public bool IsOver => _open == 0 || Fault is not null;

    /// <summary>The first that went wrong.</summary>
    public Fault? Fault { get; private set; }

    public void BeginRound(long absences)
    {
        (Absences, _open) = (absences, request.Blobs.Count);
        (_isStale, IsAllAsked) = (false, true);
        Round++;
    }

    /// <summary>One of the blobs is in the CAS, or will not be.</summary>
    /// <param name="asked">The CAS's absences before it answered
    /// that it has the blob; null: it was sent, or known.</param>
    /// <param name="known">The CAS's absences for which it is in the CAS.</param>
    public void Settle(Fault? fault, long? asked, long known)
    {
        _open--;
        Fault ??= fault;
        // Of before an absence that this round knows of: it may be gone again.
        _isStale |= known < Absences;
        IsAllAsked &= asked >= Absences;
    }

    /// <summary>
    /// Whether all of it is there now: what is known of each
    /// is of this round, and nothing went away since it began.
    /// </summary>
    /// <param name="absences">Now.</param>
    public bool IsDurable(long absences) => !_isStale && absences == Absences;

    /// <summary>Whether the CAS has said of each, asked in this round, that it has it.</summary>
    public bool IsAllAsked { get; private set; }

    public void Keep() => request.Answer.TryKeep(true);

    public void Break(Fault fault) => request.Answer.Break(fault);
}
