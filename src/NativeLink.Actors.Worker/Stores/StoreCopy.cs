using System.Buffers;
using Microsoft.Win32.SafeHandles;
using NativeLink.Actors.Storage.Filesystem;

namespace NativeLink.Actors.Worker.Stores;

/// <summary>Copies a file into a content store piece by piece.</summary>
internal static class StoreCopy
{
    private const int BufferBytes = 1 << 20;

    /// <exception cref="FaultException">Storage: the file is not
    /// what the digest says, or the disk refused it.</exception>
    public static void Write(ContentStore store, Digest digest, SafeFileHandle file, CancellationToken cancellation)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            using var writer = store.BeginWrite(digest);
            for (long offset = 0; RandomAccess.Read(file, buffer, offset) is > 0 and var read; offset += read)
            {
                cancellation.ThrowIfCancellationRequested();
                writer.Append(buffer.AsSpan(0, read));
            }
            writer.Commit();
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
