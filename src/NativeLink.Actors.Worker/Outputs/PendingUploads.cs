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

/// <summary>Blobs that one action brings; ends when the last of them is in the CAS, or will not be. Owned by the uploader.</summary>
internal sealed class BlobSending(SendProtocol.SendBlobs request)
{
    private Fault? _fault;
    private int _open;

    public IReadOnlyCollection<OutputBlob> Blobs => request.Blobs;

    public object Promise => request.Answer;

    /// <summary>The CAS's absences when this round began: should it go away meanwhile, it may have lost what it was known to have, and what it was given.</summary>
    public long Absences { get; private set; }

    /// <summary>How often everything has been asked for, from 1.</summary>
    public int Round { get; private set; }

    public bool IsOver => _open == 0;

    public Fault? Fault => _fault;

    public void BeginRound(long absences) => (Absences, Round, _open) = (absences, Round + 1, request.Blobs.Count);

    public void Settle(Fault? fault)
    {
        _open--;
        _fault ??= fault;
    }

    public void Keep() => request.Answer.TryKeep(true);

    public void Break(Fault fault) => request.Answer.Break(fault);
}
