using Akka.Streams;
using Google.Protobuf;
using Grpc.Core;
using NativeLink.Actors.Cas;
using NativeLink.Actors.Protocol.Hashing;
using NativeLink.Actors.Storage.Filesystem;

namespace NativeLink.Actors.Worker.Inputs;

/// <summary>How one wanted blob came out of a call.</summary>
/// <param name="IsCorrupt">The bytes are not those of the digest.</param>
internal readonly record struct Fetched(WantedBlob Blob, Arrival Arrival, bool IsCorrupt);

/// <summary>
/// Calls to the CAS: what comes is checked, then stored or
/// decoded. Blocks on the disk; safe for several threads.
/// </summary>
internal sealed class BlobFetcher(ICasClient cas, ILocalStore store, ArrivalCount arrivals, CancellationToken lifetime)
{
    /// <summary>Small blobs in one call.</summary>
    public async Task<IReadOnlyList<Fetched>> FetchBatchAsync(IReadOnlyList<WantedBlob> batch)
    {
        var blobs = await ReadAsync(batch.Select(static blob => blob.Digest).ToHashSet());
        var fetched = new List<Fetched>(batch.Count);
        foreach (var wanted in batch)
        {
            fetched.Add(blobs.TryGetValue(wanted.Digest, out var blob)
                ? Take(wanted, blob)
                : new Fetched(wanted,
                    Failed(new Fault(FaultKind.Storage, $"blob {wanted.Digest} was left out of the answer")), false));
        }
        arrivals.Add(fetched.Count);
        return fetched;
    }

    /// <summary>One large blob, in a stream.</summary>
    /// <param name="stop">Cancelled when nobody wants it any more.</param>
    /// <param name="materializer">Runs the graph of a file.</param>
    public async Task<Fetched> FetchLargeAsync(WantedBlob wanted, IMaterializer materializer, CancellationToken stop)
    {
        try
        {
            return wanted.Kind == BlobKind.File
                ? await StoreStreamAsync(wanted, materializer, stop)
                : await ReadMessageAsync(wanted, stop);
        }
        catch (Exception error)
        {
            var fault = Fault.From(error, FaultKind.Storage);
            if (fault.Code == StatusCode.ResourceExhausted && await IsMissingAsync(wanted.Digest, stop))
                fault = MissingBlobs.One(wanted.Digest);
            return Refused(wanted, fault);
        }
        finally
        {
            arrivals.Add(1);
        }
    }

    private async Task<Dictionary<Digest, BatchBlob>> ReadAsync(HashSet<Digest> digests)
    {
        try
        {
            var blobs = await cas.ReadBatchAsync(digests, lifetime);
            return blobs.ToDictionary(static blob => blob.Digest);
        }
        catch (Exception error)
        {
            var fault = Fault.From(error, FaultKind.Storage);
            return digests.ToDictionary(static digest => digest, digest => new BatchBlob(digest, default, fault));
        }
    }

    private Fetched Take(WantedBlob wanted, in BatchBlob blob)
    {
        if (blob.Fault is { } fault)
            return Refused(wanted, fault);
        if (wanted.Kind != BlobKind.File)
            return Decode(wanted, blob.Data.Span);
        if (blob.Data.Length != wanted.Digest.SizeBytes)
            return Corrupt(wanted);
        try
        {
            return new Fetched(wanted, new Arrival(null, store.PutLeased(wanted.Digest, blob.Data.Span), null), false);
        }
        catch (Exception error)
        {
            return Refused(wanted, Fault.From(error, FaultKind.Storage));
        }
    }

    private async Task<Fetched> StoreStreamAsync(WantedBlob wanted, IMaterializer materializer, CancellationToken stop)
    {
        using var writer = store.BeginWrite(wanted.Digest);
        await LargeDownload.RunAsync(cas, wanted.Digest, writer, materializer, stop);
        return new Fetched(wanted, new Arrival(null, writer.CommitLeased(), null), false);
    }

    private async Task<Fetched> ReadMessageAsync(WantedBlob wanted, CancellationToken stop)
    {
        var data = new byte[wanted.Digest.SizeBytes];
        long length = 0;
        await cas.ReadAsync(wanted.Digest, piece =>
        {
            if (piece.Length <= data.Length - length)
                piece.CopyTo(data.AsSpan((int)length));
            length += piece.Length;
        }, stop);
        return length == data.Length ? Decode(wanted, data) : Corrupt(wanted);
    }

    private static Fetched Decode(WantedBlob wanted, ReadOnlySpan<byte> data)
    {
        if (BlobHasher.Compute(data, wanted.Digest.Function) != wanted.Digest)
            return Corrupt(wanted);
        MessageParser parser = wanted.Kind switch
        {
            BlobKind.Action => Reapi.Action.Parser,
            BlobKind.Command => Reapi.Command.Parser,
            _ => Reapi.Directory.Parser,
        };
        return WireMessages.TryParse(parser, data, out var message, out var problem)
            ? new Fetched(wanted, new Arrival(message, null, null), false)
            : new Fetched(wanted, new Arrival(null, null, null) { Undecodable = problem }, false);
    }

    /// <summary>For a blob that has no room here another worker may have: not for one that does not exist.</summary>
    private async Task<bool> IsMissingAsync(Digest digest, CancellationToken stop)
    {
        try
        {
            return !(await cas.FindMissingAsync([digest], stop)).IsEmpty;
        }
        catch (Exception)
        {
            // What is known already is the better reason.
            return false;
        }
    }

    private static Fetched Refused(WantedBlob wanted, Fault fault) =>
        fault is { Kind: FaultKind.Storage, Code: StatusCode.DataLoss }
            ? Corrupt(wanted)
            : new Fetched(wanted, Failed(fault), false);

    private static Fetched Corrupt(WantedBlob wanted) => new(wanted, Failed(MissingBlobs.Corrupt(wanted.Digest)), true);

    private static Arrival Failed(Fault fault) => new(null, null, fault);
}
