using System.Diagnostics.CodeAnalysis;
using NativeLink.Actors.Storage.Filesystem;
using static NativeLink.Actors.Worker.Inputs.FetchProtocol;

namespace NativeLink.Actors.Worker.Inputs;

/// <summary>Files that come into the store; the answer leases those that came.</summary>
[SuppressMessage("Design", "CA1001", Justification = "The leases go to who asked, or are ended with the answer.")]
internal sealed class FileFetch(FetchFiles request, WantedBlobs wanted, Action<object> ended) : Fetch(wanted)
{
    private readonly WantedBlobs _wanted = wanted;
    private readonly Leases _leases = new();

    protected override string What => "input files";

    /// <param name="haveLanded">Whether a blob has landed since they were looked for: what is not
    /// on its way then may be here.</param>
    public void Begin(ILocalStore store, bool haveLanded)
    {
        foreach (var digest in request.Files)
        {
            if (haveLanded && !_wanted.Contains(digest, BlobKind.File) && store.TryLeaseKnown(digest) is { } lease)
                _leases.Add(lease);
            else
                Want(digest, BlobKind.File);
        }
        EndIfComplete();
    }

    protected override void Take(WantedBlob blob, in Arrival arrival, IDisposable? lease)
    {
        if (lease is not null)
            _leases.Add(lease);
    }

    public override void Break(Fault fault)
    {
        _leases.Dispose();
        request.Answer.Break(fault);
    }

    protected override void End(Fault? fault)
    {
        ended(request.Answer);
        if (fault is null && request.Answer.TryKeep(_leases))
            return;
        _leases.Dispose();
        if (fault is not null)
            request.Answer.Break(fault);
    }
}
