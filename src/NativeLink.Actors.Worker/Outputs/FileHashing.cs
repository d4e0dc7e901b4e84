using System.Buffers;
using NativeLink.Actors.Protocol.Hashing;
using NativeLink.Actors.Worker.Threads;

namespace NativeLink.Actors.Worker.Outputs;

/// <summary>Digests of files, several at a time.</summary>
internal static class FileHashing
{
    private const int BufferBytes = 1 << 20;
    private const int Begun = 1, CalledOff = 2;

    /// <summary>Sets each file's digest, on these threads.</summary>
    /// <exception cref="FaultException">Worker: a file cannot be read.</exception>
    public static async Task HashAllAsync(
        IOutputFiles files, IReadOnlyList<ScannedFile> scanned, DigestFunction function, DispatcherScheduler disk,
        CancellationToken cancellation)
    {
        var next = -1;
        // Whether a helper has begun, or is not to any more: it may wait for a thread when nothing is left to do.
        var helpers = new (Task Task, int State)[Math.Max(0, Math.Min(scanned.Count, Environment.ProcessorCount) - 1)];
        for (var i = 0; i < helpers.Length; i++)
        {
            var own = i;
            helpers[i].Task = disk.RunAsync(() =>
            {
                if (Interlocked.CompareExchange(ref helpers[own].State, Begun, 0) == 0)
                    HashNext();
            });
        }
        var here = Task.CompletedTask;
        try
        {
            HashNext();
        }
        catch (Exception error)
        {
            here = Task.FromException(error);
        }
        var begun = helpers.Where((_, i) => Interlocked.CompareExchange(ref helpers[i].State, CalledOff, 0) == Begun);
        await Task.WhenAll([here, .. begun.Select(static helper => helper.Task)]);

        void HashNext()
        {
            try
            {
                while (Interlocked.Increment(ref next) is var index && index < scanned.Count)
                    Hash(files, scanned[index], function, cancellation);
            }
            catch
            {
                // The others begin no further file.
                Interlocked.Exchange(ref next, scanned.Count);
                throw;
            }
        }
    }

    private static void Hash(
        IOutputFiles files, ScannedFile scanned, DigestFunction function, CancellationToken cancellation)
    {
        using var hasher = BlobHasher.Create(function);
        var source = files.OpenFile(scanned.Location);
        using var file = source.File;
        var buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            for (long offset = 0; ;)
            {
                cancellation.ThrowIfCancellationRequested();
                var read = source.Read(buffer.AsSpan(0, BufferBytes), offset);
                hasher.Append(buffer.AsSpan(0, read));
                offset += read;
                if (read < BufferBytes)
                    break;
            }
            scanned.Digest = hasher.Finish();
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
