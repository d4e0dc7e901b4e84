using Google.Protobuf;
using ZstdSharp;

namespace NativeLink.Actors.LocalCluster.BlobAccess;

/// <summary>Compresses entries of a batch answer where that makes them smaller.</summary>
internal sealed class BatchCompression(bool wanted) : IDisposable
{
    /// <summary>Below this a frame's overhead eats what it saves.</summary>
    private const int Smallest = 128;

    private Compressor? _compressor;

    /// <summary>The blob as one zstd frame, or null when it is better sent as it is.</summary>
    public ByteString? TryCompress(ReadOnlySpan<byte> blob)
    {
        if (!wanted || blob.Length < Smallest)
            return null;
        _compressor ??= new Compressor(CompressedReads.Level);
        var target = GC.AllocateUninitializedArray<byte>(blob.Length - 1);
        return _compressor.TryWrap(blob, target, out var written)
            ? UnsafeByteOperations.UnsafeWrap(target.AsMemory(0, written))
            : null;
    }

    public void Dispose() => _compressor?.Dispose();
}
