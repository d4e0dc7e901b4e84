using NativeLink.Actors.Cas;
using static NativeLink.Actors.Worker.Inputs.FetchProtocol;

namespace NativeLink.Actors.Worker.Inputs;

/// <summary>Directory messages, remembered ones included.</summary>
internal sealed class DirectoryFetch(
    FetchDirectories request, WantedBlobs wanted, MessageCache known, Action<object> ended) : Fetch(wanted)
{
    private readonly Dictionary<Digest, Reapi.Directory> _directories = new(request.Directories.Count);

    protected override string What => "directories of the input tree";

    public void Begin()
    {
        if (request.Directories.FirstOrDefault(
            digest => digest.SizeBytes > CasLimits.ProtobufBytes) is { SizeBytes: > 0 } tooLarge)
        {
            End(CasLimits.TooLargeForMessage(What, tooLarge));
            return;
        }
        foreach (var digest in request.Directories)
        {
            if (known.TryGet<Reapi.Directory>(digest, out var directory))
                _directories[digest] = directory;
            else
                Want(digest, BlobKind.Directory);
        }
        EndIfComplete();
    }

    public override void Break(Fault fault) => request.Answer.Break(fault);

    protected override void Take(WantedBlob blob, in Arrival arrival, IDisposable? lease)
    {
        if (arrival.Message is Reapi.Directory directory)
            _directories[blob.Digest] = directory;
    }

    protected override void End(Fault? fault)
    {
        ended(request.Answer);
        if (fault is not null)
            request.Answer.Break(fault);
        else
            request.Answer.TryKeep(new FetchedDirectories(_directories,
                [.. _directories.Where(pair => IsCold(pair.Key, pair.Value)).Select(static pair => pair.Key)]));
    }

    /// <summary>It has children, and none of them is known.</summary>
    private bool IsCold(Digest digest, Reapi.Directory directory)
    {
        var any = false;
        foreach (var node in directory.Directories)
        {
            if (!Digest.TryFromWire(node.Digest, digest.Function, out var child) || child.IsEmpty)
                continue;
            if (known.Knows(child))
                return false;
            any = true;
        }
        return any;
    }
}
