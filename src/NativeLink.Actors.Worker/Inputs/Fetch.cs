using NativeLink.Actors.Cas;

namespace NativeLink.Actors.Worker.Inputs;

/// <summary>
/// Waits for some blobs and ends when the last of them has come or will not; what is missing is
/// told together. Owned by the downloader.
/// </summary>
internal abstract class Fetch(WantedBlobs wanted) : IBlobWaiter
{
    private readonly List<(Digest Digest, BlobKind Kind)> _asked = [];
    private List<Digest>? _missing;
    private Fault? _fault;
    private int _open;

    /// <summary>What the blobs are, for the message, for example <c>the command</c>.</summary>
    protected abstract string What { get; }

    public void OnArrived(WantedBlob blob, in Arrival arrival, IDisposable? lease)
    {
        _open--;
        if (!IsOptional(blob.Kind))
        {
            if (arrival.Fault is { Kind: FaultKind.Missing })
                (_missing ??= []).Add(blob.Digest);
            else if (arrival.Fault is { } fault)
                _fault ??= fault;
            else if (arrival.Undecodable is { } problem)
                _fault ??= new Fault(FaultKind.Action, $"{What} {blob.Digest} cannot be decoded: {problem}");
        }
        Take(blob, arrival, lease);
        if (_open == 0)
            EndNow();
    }

    /// <summary>Gives up what has not come.</summary>
    public void Leave()
    {
        foreach (var (digest, kind) in _asked)
            wanted.Leave(digest, kind, this);
    }

    /// <summary>Answers with this fault; who has given up hears nothing of it.</summary>
    public abstract void Break(Fault fault);

    protected void Want(in Digest digest, BlobKind kind)
    {
        _open++;
        _asked.Add((digest, kind));
        wanted.Want(digest, kind, this);
    }

    /// <summary>When nothing had to be asked for.</summary>
    protected void EndIfComplete()
    {
        if (_open == 0)
            EndNow();
    }

    /// <summary>Whether one that does not come is no fault.</summary>
    protected virtual bool IsOptional(BlobKind kind) => false;

    /// <summary>One that came, unless <paramref name="arrival"/> says otherwise.</summary>
    protected abstract void Take(WantedBlob blob, in Arrival arrival, IDisposable? lease);

    protected abstract void End(Fault? fault);

    private void EndNow()
    {
        var fault = _fault ?? (_missing is null ? null : MissingBlobs.Fault(What, _missing));
        (_fault, _missing) = (null, null);
        _asked.Clear();
        End(fault);
    }
}
