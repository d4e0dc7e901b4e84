using System.Buffers;
using NativeLink.Actors.Protocol.Hashing;

namespace NativeLink.Actors.Worker.Outputs;

/// <summary>Digests of files, several at a time.</summary>
internal static class FileHashing
{
    private const int BufferBytes = 1 << 20;

    /// <summary>Sets each file's digest; blocks until all are done.</summary>
    /// <exception cref="FaultException">Worker: a file cannot be read.</exception>
    public static void HashAll(IReadOnlyList<ScannedFile> files, DigestFunction function, TaskScheduler disk, CancellationToken cancellation)
    {
        if (files.Count == 1)
        {
            Hash(files[0], function, cancellation);
            return;
        }
        var options = new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount, TaskScheduler = disk, CancellationToken = cancellation };
        try
        {
            Parallel.ForEach(files, options, file => Hash(file, function, cancellation));
        }
        catch (AggregateException error) when (error.InnerExceptions.OfType<FaultException>().FirstOrDefault() is { } first)
        {
            throw new FaultException(first.Fault, error);
        }
    }

    private static void Hash(ScannedFile source, DigestFunction function, CancellationToken cancellation)
    {
        using var hasher = BlobHasher.Create(function);
        using var file = NativeFiles.OpenFile(source.Location);
        var buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            for (long offset = 0; RandomAccess.Read(file, buffer.AsSpan(0, BufferBytes), offset) is > 0 and var read; offset += read)
            {
                cancellation.ThrowIfCancellationRequested();
                hasher.Append(buffer.AsSpan(0, read));
            }
            source.Digest = hasher.Finish();
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
