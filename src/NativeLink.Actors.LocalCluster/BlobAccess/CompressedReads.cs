using System.Buffers;
using Grpc.Core;
using Microsoft.Win32.SafeHandles;
using NativeLink.Actors.Cas.Codec;
using ZstdSharp;

namespace NativeLink.Actors.LocalCluster.BlobAccess;

/// <summary>Sends a piece of a blob as one zstd frame, within two fixed buffers.</summary>
internal static class CompressedReads
{
    /// <summary>As NativeLink compresses (protos/README.md 2.5).</summary>
    public const int Level = 3;

    private const int BufferBytes = 256 << 10;

    /// <param name="file">Null for the empty blob.</param>
    public static async Task SendAsync(
        SafeFileHandle? file, long start, long end, IServerStreamWriter<ReadFrame> responses,
        CancellationToken cancellation)
    {
        using var compressor = new Compressor(Level);
        var (input, output) = (ArrayPool<byte>.Shared.Rent(BufferBytes), ArrayPool<byte>.Shared.Rent(BufferBytes));
        try
        {
            var (at, filled) = (start, 0);
            bool last;
            do
            {
                var read = file is null || at == end
                    ? 0
                    : RandomAccess.Read(file, input.AsSpan(0, (int)Math.Min(BufferBytes, end - at)), at);
                if (read == 0 && at < end)
                    throw new RpcException(new Status(StatusCode.Internal,
                        $"the blob's file ends at {at}, before its size; it has been damaged in the store"));
                at += read;
                last = at == end;
                for (var (consumed, done) = (0, false); !done;)
                {
                    var status = compressor.WrapStream(input.AsSpan(consumed, read - consumed),
                        output.AsSpan(filled, BufferBytes - filled), out var used, out var written, last);
                    (consumed, filled) = (consumed + used, filled + written);
                    done = consumed == read && (last
                        ? status == OperationStatus.Done
                        : status != OperationStatus.DestinationTooSmall);
                    if (filled < BufferBytes && !(done && last))
                        continue;
                    await responses.WriteAsync(new ReadFrame(output.AsMemory(0, filled)), cancellation);
                    filled = 0;
                }
            }
            while (!last);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(input);
            ArrayPool<byte>.Shared.Return(output);
        }
    }
}
