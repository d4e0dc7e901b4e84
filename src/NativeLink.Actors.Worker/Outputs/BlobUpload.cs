using System.Collections.Immutable;
using Grpc.Core;
using NativeLink.Actors.Storage.Hashing;
using NativeLink.Actors.Worker.Remote;

namespace NativeLink.Actors.Worker.Outputs;

/// <summary>A blob to bring to the CAS: bytes in memory, or a file.</summary>
internal sealed record OutputBlob(Digest Digest, ReadOnlyMemory<byte> Data, ScannedFile? File);

/// <summary>Brings blobs to a CAS: asks once what it lacks, sends small ones in batches and large ones in streams.</summary>
internal sealed class BlobUpload(ICasClient cas, RecentBlobs recent, TaskScheduler disk)
{
    private const int CallsAtOnce = 4;

    private static readonly TimeSpan _firstPause = TimeSpan.FromMilliseconds(50);

    /// <summary>How often everything is asked again because the CAS was away.</summary>
    private const int MostRounds = 4;

    /// <summary>What an entry costs in a message beside its bytes.</summary>
    private const int EntryBytes = 128;

    /// <summary>Durable when it completes.</summary>
    /// <exception cref="FaultException">Storage, or Worker when a file cannot be read.</exception>
    public async Task UploadAsync(IEnumerable<OutputBlob> blobs, Func<OutputBlob, bool> tryAdopt, CancellationToken cancellation)
    {
        var unique = new Dictionary<Digest, OutputBlob>();
        foreach (var blob in blobs.Where(blob => !blob.Digest.IsEmpty))
            unique.TryAdd(blob.Digest, blob);
        for (var round = 1; !await TryUploadAsync(unique, tryAdopt, cancellation); round++)
        {
            if (round == MostRounds)
                throw new FaultException(new Fault(FaultKind.Storage, $"the CAS went away {MostRounds} times while the outputs were uploaded") { Code = StatusCode.Unavailable });
            // It needs a moment to come back; without one, all rounds may fall into the same absence.
            await Task.Delay(_firstPause * (1 << round), TimeProvider.System, cancellation);
        }
    }

    /// <summary>Answers false when the CAS was away meanwhile: it may have lost what it was known to have, and what it was given.</summary>
    private async Task<bool> TryUploadAsync(Dictionary<Digest, OutputBlob> blobs, Func<OutputBlob, bool> tryAdopt, CancellationToken cancellation)
    {
        var absences = cas.Absences;
        var unknown = blobs.Where(blob => !IsRecent(blob.Key, absences)).ToDictionary();
        var missing = await cas.FindMissingAsync(unknown.Keys, cancellation);
        var send = missing.Select(digest => unknown[digest]).Where(blob => !tryAdopt(blob)).ToImmutableArray();
        var options = new ParallelOptions { MaxDegreeOfParallelism = CallsAtOnce, CancellationToken = cancellation, TaskScheduler = disk };
        await Parallel.ForEachAsync(Calls(send), options, async (call, stop) => await SendAsync(call, stop));
        foreach (var digest in unknown.Keys)
            recent.Add(digest, absences);
        return cas.Absences == absences;
    }

    /// <summary>The store of this machine is asked each time: that costs nothing, counts as a use, and it may have evicted the blob.</summary>
    private bool IsRecent(in Digest digest, long absences) => cas is not StoreCasClient && recent.Contains(digest, absences);

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
            using var file = large.File is null ? null : NativeFiles.OpenFile(large.File.Location);
            await cas.WriteAsync(large.Digest, new BlobSource(large.Data, file, large.File?.Location ?? ""), cancellation);
            return;
        }
        await cas.WriteBatchAsync([.. call.Select(blob => (blob.Digest, blob.File is null ? blob.Data : Read(blob.File, blob.Digest)))], cancellation);
    }

    private static ReadOnlyMemory<byte> Read(ScannedFile source, Digest digest)
    {
        using var file = NativeFiles.OpenFile(source.Location);
        var data = new byte[digest.SizeBytes];
        var filled = new BlobSource(default, file, source.Location).Read(data, 0);
        // It was hashed when it was first read; what leaves is what this reading found.
        return filled == data.Length && BlobHasher.Compute(data, digest.Function) == digest ? data : throw SentBytes.Changed(source.Location);
    }
}
