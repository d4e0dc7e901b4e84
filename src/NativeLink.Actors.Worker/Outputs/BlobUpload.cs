using System.Collections.Immutable;
using NativeLink.Actors.Worker.Remote;

namespace NativeLink.Actors.Worker.Outputs;

/// <summary>A blob to bring to the CAS: bytes in memory, or a file.</summary>
internal sealed record OutputBlob(Digest Digest, ReadOnlyMemory<byte> Data, ScannedFile? File);

/// <summary>Brings blobs to a CAS: asks once what it lacks, sends small ones in batches and large ones in streams.</summary>
internal sealed class BlobUpload(ICasClient cas, RecentBlobs recent, TaskScheduler disk)
{
    private const int CallsAtOnce = 4;

    /// <summary>What an entry costs in a message beside its bytes.</summary>
    private const int EntryBytes = 128;

    /// <summary>Durable when it completes.</summary>
    /// <exception cref="FaultException">Storage, or Worker when a file cannot be read.</exception>
    public async Task UploadAsync(IEnumerable<OutputBlob> blobs, Func<OutputBlob, bool> tryAdopt, CancellationToken cancellation)
    {
        var unique = new Dictionary<Digest, OutputBlob>();
        foreach (var blob in blobs.Where(blob => !blob.Digest.IsEmpty && !IsRecent(blob.Digest)))
            unique.TryAdd(blob.Digest, blob);
        var missing = await cas.FindMissingAsync(unique.Keys, cancellation);
        var send = missing.Select(digest => unique[digest]).Where(blob => !tryAdopt(blob)).ToImmutableArray();
        var options = new ParallelOptions { MaxDegreeOfParallelism = CallsAtOnce, CancellationToken = cancellation, TaskScheduler = disk };
        await Parallel.ForEachAsync(Calls(send), options, async (call, stop) => await SendAsync(call, stop));
        foreach (var digest in unique.Keys)
            recent.Add(digest);
    }

    /// <summary>The store of this machine is asked each time: that costs nothing, counts as a use, and it may have evicted the blob.</summary>
    private bool IsRecent(in Digest digest) => cas is not StoreCasClient && recent.Contains(digest);

    /// <summary>Each list is one batch; a large blob stands alone.</summary>
    private IEnumerable<List<OutputBlob>> Calls(ImmutableArray<OutputBlob> blobs)
    {
        var batch = new List<OutputBlob>();
        long bytes = 0;
        foreach (var blob in blobs)
        {
            var size = blob.Digest.SizeBytes;
            if (size > Math.Min(CasLimits.SmallBlobBytes, cas.MaxBatchBytes))
            {
                yield return [blob];
                continue;
            }
            if (batch.Count > 0 && (bytes + size > cas.MaxBatchBytes || bytes + size + ((batch.Count + 1) * EntryBytes) > CasLimits.MessageBytes))
            {
                yield return batch;
                (batch, bytes) = ([], 0);
            }
            batch.Add(blob);
            bytes += size;
        }
        if (batch.Count > 0)
            yield return batch;
    }

    private async Task SendAsync(List<OutputBlob> call, CancellationToken cancellation)
    {
        if (call is [var large] && large.Digest.SizeBytes > Math.Min(CasLimits.SmallBlobBytes, cas.MaxBatchBytes))
        {
            using var file = large.File is null ? null : NativeFiles.OpenFile(large.File.Location, large.File.Follow);
            await cas.WriteAsync(large.Digest, new BlobSource(large.Data, file), cancellation);
            return;
        }
        await cas.WriteBatchAsync([.. call.Select(blob => (blob.Digest, blob.File is null ? blob.Data : Read(blob.File, blob.Digest)))], cancellation);
    }

    private static ReadOnlyMemory<byte> Read(ScannedFile source, Digest digest)
    {
        using var file = NativeFiles.OpenFile(source.Location, source.Follow);
        var data = new byte[digest.SizeBytes];
        var filled = 0;
        while (filled < data.Length && RandomAccess.Read(file, data.AsSpan(filled), filled) is > 0 and var read)
            filled += read;
        return filled == data.Length
            ? data
            : throw new FaultException(FaultKind.Worker, $"output '{source.Location}' became shorter while it was uploaded: something still writes to it");
    }
}
