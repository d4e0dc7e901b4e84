using Grpc.Core;
using NativeLink.Actors.Cas.Channels;
using NativeLink.Actors.Cas.Codec;
using NativeLink.Actors.Protocol.Hashing;

namespace NativeLink.Actors.Cas.Tests.Codec;

public sealed class CompressionTests : CasClientSpec
{
    private GrpcStoreOptions Compressed(int retries = 0) => Options(retries) with { Compression = true };

    [Theory]
    [InlineData(64 << 10)]
    [InlineData(10_000_000)]
    public async Task NL_222_Large_blobs_travel_compressed_both_ways(int length)
    {
        OfferZstd();
        var data = Text(length);
        var digest = BlobHasher.Compute(data, DigestFunction.Sha256);
        var client = Client(Compressed());
        await client.WriteAsync(digest, new BlobSource(data, null), None);
        Assert.Equal(data, Server.Blobs[digest]);
        Assert.Equal(data, await ReadAllAsync(client, digest));
        Assert.Contains("/compressed-blobs/zstd/sha256/", Assert.Single(Names("Write")), StringComparison.Ordinal);
        Assert.Contains("/compressed-blobs/zstd/sha256/", Assert.Single(Names("Read")), StringComparison.Ordinal);
        Assert.True(Server.WriteMessages.Sum(message => message.Length) < length / 5);
    }

    [Fact]
    public async Task Noise_is_recognised_and_not_compressed_by_us_but_read_as_the_server_likes()
    {
        OfferZstd();
        var data = Noise(1_000_000);
        var digest = BlobHasher.Compute(data, DigestFunction.Sha256);
        await Client(Compressed()).WriteAsync(digest, new BlobSource(data, null), None);
        Assert.Contains("/blobs/sha256/", Assert.Single(Names("Write")), StringComparison.Ordinal);
        Assert.DoesNotContain("compressed", Assert.Single(Names("Write")), StringComparison.Ordinal);
        Assert.Equal(data, await ReadAllAsync(Client(Compressed()), digest));
    }

    [Fact]
    public async Task NL_223_Small_blobs_use_identity()
    {
        OfferZstd();
        var data = Text((64 << 10) - 1);
        var digest = BlobHasher.Compute(data, DigestFunction.Sha256);
        var client = Client(Compressed());
        await client.WriteAsync(digest, new BlobSource(data, null), None);
        await ReadAllAsync(client, digest);
        Assert.DoesNotContain(Names("Write").Concat(Names("Read")),
            name => name.Contains("compressed", StringComparison.Ordinal));
    }

    [Fact]
    public async Task NL_224_A_server_without_zstd_gets_identity_and_one_that_lies_is_a_fault()
    {
        var data = Text(200_000);
        var digest = Server.Put(data);
        Assert.Equal(data, await ReadAllAsync(Client(Compressed()), digest));
        Assert.DoesNotContain("compressed", Assert.Single(Names("Read")), StringComparison.Ordinal);
        OfferZstd();
        Server.FailNext("Read", 1, StatusCode.InvalidArgument);
        var error = await Assert.ThrowsAsync<FaultException>(() => ReadAllAsync(Client(Compressed()), digest));
        Assert.Equal((FaultKind.Storage, StatusCode.InvalidArgument), (error.Fault.Kind, error.Fault.Code!.Value));
    }

    [Fact]
    public async Task NL_225_A_compressed_download_that_breaks_never_goes_on_in_identity()
    {
        OfferZstd();
        var digest = Server.Put(HalfText(4_000_000));
        var chunks = 0;
        Server.Before["ReadMessage"] = _ => Interlocked.Increment(ref chunks) == 10
            ? throw new RpcException(new Status(StatusCode.Unavailable, ""))
            : Task.CompletedTask;
        await Assert.ThrowsAsync<FaultException>(() => ReadAllAsync(Client(Compressed()), digest));
        Assert.Equal(1, Server.Calls("Read"));
        chunks = 0;
        Assert.Equal(Server.Blobs[digest], await ReadAllAsync(Client(Compressed(3)), digest));
        Assert.All(Names("Read"), name => Assert.Contains("/compressed-blobs/zstd/", name, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_compressed_upload_that_breaks_starts_again_under_a_new_uuid()
    {
        OfferZstd();
        Server.FailNext("WriteMessage", 1);
        var data = HalfText(4_000_000);
        var digest = BlobHasher.Compute(data, DigestFunction.Sha256);
        await Client(Compressed(3)).WriteAsync(digest, new BlobSource(data, null), None);
        Assert.Equal(data, Server.Blobs[digest]);
        Assert.Equal(2, Names("Write").Distinct().Count());
        Assert.Equal(0, Server.Calls("QueryWriteStatus"));
    }

    [Fact]
    public void NL_227_A_frame_that_ends_early_or_has_bytes_after_it_is_refused()
    {
        var data = Text(200_000);
        var frame = Zstd.Compress(data);
        Assert.Equal(data, Zstd.Decompress(frame, data.Length));
        Assert.Throws<InvalidDataException>(() => Zstd.Decompress(frame.AsSpan(..^3), data.Length));
        Assert.Throws<InvalidDataException>(() => Zstd.Decompress([.. frame, 1, 2, 3], data.Length));
        Assert.Throws<InvalidDataException>(() => Zstd.Decompress(frame, data.Length - 1));
        Assert.Throws<InvalidDataException>(() => Zstd.Decompress(frame, data.Length + 1));
        Assert.Throws<InvalidDataException>(() => Zstd.Decompress("no frame at all"u8, 4));
    }

    [Fact]
    public async Task Batches_are_compressed_both_ways_when_the_server_offers_it()
    {
        OfferZstd();
        Server.CompressesBatches = true;
        var (large, small) = (Text(100_000), Text(100));
        var blobs = new[] { large, small }.Select(
            data => (BlobHasher.Compute(data, DigestFunction.Sha256), (ReadOnlyMemory<byte>)data)).ToArray();
        var client = Client(Compressed());
        await client.WriteBatchAsync(blobs, None);
        var sent = ((Reapi.BatchUpdateBlobsRequest)Server.Log.Last().Request!).Requests;
        Assert.Equal([Reapi.Compressor.Types.Value.Zstd, Reapi.Compressor.Types.Value.Identity],
            sent.Select(request => request.Compressor));
        Assert.Equal(large, Server.Blobs[blobs[0].Item1]);
        var read = (await client.ReadBatchAsync([.. blobs.Select(blob => blob.Item1)], None)).ToDictionary(
            blob => blob.Digest);
        Assert.Equal(large, read[blobs[0].Item1].Data.ToArray());
        Assert.Equal(small, read[blobs[1].Item1].Data.ToArray());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task More_bytes_than_the_blob_has_end_the_call_and_are_not_handed_on(bool compressed)
    {
        if (compressed)
            OfferZstd();
        var digest = BlobHasher.Compute(Text(200_000), DigestFunction.Sha256);
        // Some 20 KB when compressed.
        Server.Blobs[digest] = new byte[200_000_000];
        var handed = 0L;
        var error = await Assert.ThrowsAsync<FaultException>(
            () => Client(Compressed(2)).ReadAsync(digest, data => handed += data.Length, None));
        Assert.Equal((FaultKind.Storage, StatusCode.DataLoss), (error.Fault.Kind, error.Fault.Code!.Value));
        Assert.InRange(handed, 0, digest.SizeBytes);
        Assert.Equal(1, Server.Calls("Read"));
    }

    [Fact]
    public void A_frame_of_few_bytes_that_yields_many_is_decoded_a_piece_at_a_time()
    {
        var frame = Zstd.Compress(new byte[100_000_000]);
        using var reader = new ZstdFrameReader();
        var (pieces, at) = (0, reader.DecodePiece(frame, out var first));
        first?.Dispose();
        for (; at < frame.Length || reader.HasMore; pieces++)
        {
            at += reader.DecodePiece(frame.AsSpan(at), out var piece);
            using (piece)
                Assert.InRange(piece?.Memory.Length ?? 0, 0, 128 << 10);
        }
        reader.Finish();
        Assert.True(pieces > 700);
    }

    private static byte[] HalfText(int length) => [.. Text(length / 2), .. Noise(length / 2)];
}
