using NativeLink.Actors.Cas;
using NativeLink.Actors.Cas.Blobs;
using NativeLink.Actors.Protocol.Hashing;

namespace NativeLink.Actors.Worker.Outputs;

/// <summary>How one blob came out of a call.</summary>
internal readonly record struct SentBlob(PendingUpload Upload, Fault? Fault);

/// <summary>Calls that bring blobs to the CAS. Blocks on the disk; safe for several threads.</summary>
internal sealed class BlobSender(ICasClient cas, IOutputFiles files, CancellationToken lifetime)
{
    /// <summary>
    /// Small blobs in one call. A file that cannot be read, or is not what it was, is a fault of
    /// its own; the others leave without it.
    /// </summary>
    public async Task<IReadOnlyList<SentBlob>> SendBatchAsync(
        IReadOnlyList<(PendingUpload Upload, OutputBlob Blob)> batch)
    {
        var sent = new List<SentBlob>(batch.Count);
        var (uploads, blobs) = (new List<PendingUpload>(batch.Count),
            new List<(Digest, ReadOnlyMemory<byte>)>(batch.Count));
        foreach (var (upload, blob) in batch)
        {
            try
            {
                blobs.Add((blob.Digest, blob.File is null ? blob.Data : Read(blob.File, blob.Digest)));
                uploads.Add(upload);
            }
            catch (Exception error)
            {
                sent.Add(new SentBlob(upload, Fault.From(error)));
            }
        }
        IReadOnlyDictionary<Digest, Fault> refused = new Dictionary<Digest, Fault>();
        var fault = await TryAsync(async () => refused = await cas.TryWriteBatchAsync(blobs, lifetime));
        sent.AddRange(
            uploads.Select(upload => new SentBlob(upload, fault ?? refused.GetValueOrDefault(upload.Digest))));
        return sent;
    }

    /// <summary>One large blob, in a stream.</summary>
    public async Task<SentBlob> SendLargeAsync(PendingUpload upload, OutputBlob blob, CancellationToken stop) =>
        new(upload, await TryAsync(async () =>
    {
        var source = blob.File is null ? new BlobSource(blob.Data, null) : files.OpenFile(blob.File.Location);
        using (source.File)
            await cas.WriteAsync(blob.Digest, source, stop);
    }));

    private static async Task<Fault?> TryAsync(Func<Task> call)
    {
        try
        {
            await call();
            return null;
        }
        catch (Exception error)
        {
            return Fault.From(error);
        }
    }

    private ReadOnlyMemory<byte> Read(ScannedFile scanned, Digest digest)
    {
        var source = files.OpenFile(scanned.Location);
        using var file = source.File;
        var data = new byte[digest.SizeBytes];
        var filled = source.Read(data, 0);
        // It was hashed when it was first read; what leaves is what this reading found.
        return filled == data.Length && BlobHasher.Compute(data, digest.Function) == digest
            ? data
            : throw new ChangedFileException(scanned.Location);
    }
}
