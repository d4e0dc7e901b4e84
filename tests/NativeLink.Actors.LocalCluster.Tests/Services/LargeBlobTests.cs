using System.Security.Cryptography;
using Google.ByteStream;
using Google.Protobuf;
using Grpc.Core;
using NativeLink.Actors.LocalCluster.Tests.Host;

namespace NativeLink.Actors.LocalCluster.Tests.Services;

/// <summary>Counts what the whole process allocates, so it runs with no other test beside it.</summary>
[Collection(nameof(LargeBlobTests))]
[CollectionDefinition(nameof(LargeBlobTests), DisableParallelization = true)]
public sealed class LargeBlobTests
{
    private const int Piece = 1 << 20;
    private const long Size = 256L << 20;

    [Fact]
    public async Task A_blob_of_256_MiB_goes_in_and_out_without_being_held_in_memory()
    {
        await using var cluster = await RunningCluster.StartAsync();
        var piece = ByteString.CopyFrom(Blobs.Random(Piece));
        var digest = DigestOfRepeated(piece.Span);
        // What tests before this one left in pools and caches is not this blob's.
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var peak = 0L;
        using (var call = cluster.Bytes.Write(deadline: DateTime.UtcNow.AddMinutes(2)))
        {
            for (var at = 0L; at < Size; at += Piece)
            {
                await call.RequestStream.WriteAsync(new WriteRequest
                {
                    ResourceName = at == 0 ? ByteStreamCalls.UploadName(digest) : "",
                    WriteOffset = at,
                    Data = piece,
                    FinishWrite = at + Piece == Size,
                });
                peak = Math.Max(peak, LiveBytes(at));
            }
            Assert.Equal(Size, (await call.ResponseAsync).CommittedSize);
        }
        using var read = cluster.Bytes.Read(new ReadRequest
        {
            ResourceName = $"blobs/{digest}",
        }, deadline: DateTime.UtcNow.AddMinutes(2));
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var received = 0L;
        await foreach (var message in read.ResponseStream.ReadAllAsync())
        {
            hash.AppendData(message.Data.Span);
            received += message.Data.Length;
            peak = Math.Max(peak, LiveBytes(received));
        }
        Assert.Equal((Size, digest.Hash), (received, Convert.ToHexStringLower(hash.GetHashAndReset())));
        Assert.True(peak - before < 64 << 20, $"{(peak - before) >> 20} MiB more than before were alive at a time");
    }

    /// <summary>What is alive on the managed heap, looked at after every 16 MiB.</summary>
    private static long LiveBytes(long at) => at % (16 << 20) == 0 ? GC.GetTotalMemory(forceFullCollection: true) : 0;

    private static Digest DigestOfRepeated(ReadOnlySpan<byte> piece)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (var at = 0L; at < Size; at += Piece)
            hash.AppendData(piece);
        return Digest.FromHash(hash.GetHashAndReset(), Size, DigestFunction.Sha256);
    }
}
