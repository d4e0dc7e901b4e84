using Google.Protobuf;
using Grpc.Core;
using NativeLink.Actors.LocalCluster.Tests.Host;
using Compressor = Build.Bazel.Remote.Execution.V2.Compressor.Types.Value;
using UpdateRequest = Build.Bazel.Remote.Execution.V2.BatchUpdateBlobsRequest.Types.Request;

namespace NativeLink.Actors.LocalCluster.Tests.Services;

public sealed class CasServiceTests
{
    private static readonly byte[] A = "aaa"u8.ToArray();
    private static readonly byte[] B = "bb"u8.ToArray();
    private static readonly byte[] C = "c"u8.ToArray();

    [Fact]
    public async Task NL_323_NL_324_NL_328_What_is_missing_comes_back_in_the_order_asked_without_the_empty_blob()
    {
        await using var cluster = await RunningCluster.StartAsync();
        Assert.Equal([Wire(C), Wire(A), Wire(B)], await MissingAsync(cluster, C, A, [], B));
        var stored = await cluster.Cas.BatchUpdateBlobsAsync(new() { Requests = { Plain(A), Plain(B) } });
        Assert.All(stored.Responses, response => Assert.Equal(0, response.Status.Code));
        Assert.Equal([Wire(C)], await MissingAsync(cluster, A, B, C));
        Assert.Empty(await MissingAsync(cluster, A));
    }

    [Fact]
    public async Task NL_325_One_malformed_hash_fails_the_whole_request_and_is_named()
    {
        await using var cluster = await RunningCluster.StartAsync();
        var request = new Reapi.FindMissingBlobsRequest
        {
            BlobDigests = { Wire(A), new Reapi.Digest { Hash = "BAD_HASH", SizeBytes = 3 }, Wire(B) },
        };
        var error = await Blobs.FailsWithAsync(StatusCode.InvalidArgument,
            () => cluster.Cas.FindMissingBlobsAsync(request).ResponseAsync);
        Assert.Contains("BAD_HASH", error.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task NL_326_A_blob_that_is_there_is_updated_with_success()
    {
        await using var cluster = await RunningCluster.StartAsync();
        cluster.Put(A);
        var stored = await cluster.Cas.BatchUpdateBlobsAsync(new() { Requests = { Plain(A) } });
        Assert.Equal((0, Wire(A)), (stored.Responses[0].Status.Code, stored.Responses[0].Digest));
        Assert.Equal(A, (await cluster.Cas.BatchReadBlobsAsync(new()
        {
            Digests = { Wire(A) },
        })).Responses[0].Data.ToByteArray());
    }

    [Fact]
    public async Task NL_327_A_batch_read_answers_each_blob_by_itself()
    {
        await using var cluster = await RunningCluster.StartAsync();
        cluster.Put(A);
        cluster.Put(B);
        var read = await cluster.Cas.BatchReadBlobsAsync(new() { Digests = { Wire(A), Wire(C), Wire(B), Wire([]) } });
        Assert.Equal(
            [(Wire(A), 0, "aaa"), (Wire(C), 5, ""), (Wire(B), 0, "bb"), (Wire([]), 0, "")],
            read.Responses.Select(response => (response.Digest, response.Status.Code, response.Data.ToStringUtf8())));
    }

    [Fact]
    public async Task An_entry_with_wrong_bytes_or_of_wrong_length_is_refused_alone()
    {
        await using var cluster = await RunningCluster.StartAsync();
        var lie = new UpdateRequest { Digest = Wire(A), Data = ByteString.CopyFromUtf8("xxx") };
        var stored = await cluster.Cas.BatchUpdateBlobsAsync(new() { Requests = { lie, Plain(B) } });
        Assert.Equal([3, 0], stored.Responses.Select(response => response.Status.Code));
        Assert.Equal([Wire(A)], await MissingAsync(cluster, A, B));
        lie.Data = ByteString.CopyFromUtf8("xxxx");
        stored = await cluster.Cas.BatchUpdateBlobsAsync(new() { Requests = { lie, Plain(C) } });
        Assert.Equal([3, 0], stored.Responses.Select(response => response.Status.Code));
        Assert.Equal([Wire(A)], await MissingAsync(cluster, A, B, C));
    }

    [Fact]
    public async Task NL_332_Compressed_batches_are_stored_plain_and_read_compressed_where_that_is_smaller()
    {
        await using var cluster = await RunningCluster.StartAsync();
        var (zeros, noise) = (new byte[10_000], Blobs.Random(10_000));
        var request = new UpdateRequest
        {
            Digest = Wire(zeros),
            Data = ByteString.CopyFrom(Zstd.Encode(zeros)),
            Compressor = Compressor.Zstd,
        };
        Assert.Equal(0, (await cluster.Cas.BatchUpdateBlobsAsync(new()
        {
            Requests = { request },
        })).Responses[0].Status.Code);
        cluster.Put(noise);
        var read = await cluster.Cas.BatchReadBlobsAsync(new()
        {
            Digests = { Wire(zeros), Wire(noise) },
            AcceptableCompressors = { Compressor.Zstd },
        });
        Assert.Equal(Compressor.Zstd, read.Responses[0].Compressor);
        Assert.Equal(zeros, Zstd.Decode(read.Responses[0].Data.ToByteArray()));
        Assert.Equal((Compressor.Identity, noise.Length),
            (read.Responses[1].Compressor, read.Responses[1].Data.Length));
        var plain = await cluster.Cas.BatchReadBlobsAsync(new() { Digests = { Wire(zeros) } });
        Assert.Equal((Compressor.Identity, zeros.Length),
            (plain.Responses[0].Compressor, plain.Responses[0].Data.Length));
    }

    [Theory]
    [InlineData(Compressor.Zstd, false)]
    [InlineData(Compressor.Brotli, true)]
    public async Task NL_333_A_compressor_that_is_not_served_fails_the_request(Compressor compressor, bool enabled)
    {
        await using var cluster = await RunningCluster.StartAsync(options => options with { Compression = enabled });
        var request = new UpdateRequest
        {
            Digest = Wire(A),
            Data = ByteString.CopyFrom(Zstd.Encode(A)),
            Compressor = compressor,
        };
        await Blobs.FailsWithAsync(StatusCode.InvalidArgument,
            () => cluster.Cas.BatchUpdateBlobsAsync(new() { Requests = { request } }).ResponseAsync);
    }

    [Fact]
    public async Task Blake3_batches_are_verified_and_found_under_their_function()
    {
        await using var cluster = await RunningCluster.StartAsync();
        const Reapi.DigestFunction.Types.Value Blake3 = Reapi.DigestFunction.Types.Value.Blake3;
        var digest = Blobs.DigestOf(A, DigestFunction.Blake3).ToWire();
        var update = new Reapi.BatchUpdateBlobsRequest
        {
            Requests = { new UpdateRequest { Digest = digest, Data = ByteString.CopyFrom(A) } },
            DigestFunction = Blake3,
        };
        Assert.Equal(0, (await cluster.Cas.BatchUpdateBlobsAsync(update)).Responses[0].Status.Code);
        Assert.Empty((await cluster.Cas.FindMissingBlobsAsync(new()
        {
            BlobDigests = { digest },
            DigestFunction = Blake3,
        })).MissingBlobDigests);
    }

    [Fact]
    public async Task A_batch_read_that_no_client_could_take_is_refused()
    {
        await using var cluster = await RunningCluster.StartAsync();
        var request = new Reapi.BatchReadBlobsRequest();
        for (var i = 0; i < 5; i++)
            request.Digests.Add(cluster.Put(Blobs.Random(1 << 20, i)).ToWire());
        await Blobs.FailsWithAsync(StatusCode.InvalidArgument,
            () => cluster.Cas.BatchReadBlobsAsync(request).ResponseAsync);
    }

    [Theory]
    [InlineData(Reapi.DigestFunction.Types.Value.Md5)]
    [InlineData((Reapi.DigestFunction.Types.Value)77)]
    public async Task A_digest_function_that_is_not_served_is_refused(Reapi.DigestFunction.Types.Value function)
    {
        await using var cluster = await RunningCluster.StartAsync();
        var request = new Reapi.FindMissingBlobsRequest { BlobDigests = { Wire(A) }, DigestFunction = function };
        await Blobs.FailsWithAsync(StatusCode.InvalidArgument,
            () => cluster.Cas.FindMissingBlobsAsync(request).ResponseAsync);
    }

    [Fact]
    public async Task NL_334_Splitting_and_splicing_are_not_served_and_not_advertised()
    {
        await using var cluster = await RunningCluster.StartAsync();
        var digest = cluster.Put(A).ToWire();
        await Blobs.FailsWithAsync(StatusCode.Unimplemented,
            () => cluster.Cas.SplitBlobAsync(new() { BlobDigest = digest }).ResponseAsync);
        await Blobs.FailsWithAsync(StatusCode.Unimplemented,
            () => cluster.Cas.SpliceBlobAsync(new() { BlobDigest = digest }).ResponseAsync);
        var cache = (await cluster.Capabilities.GetCapabilitiesAsync(new())).CacheCapabilities;
        Assert.False(cache.SplitBlobSupport || cache.SpliceBlobSupport);
    }

    private static Reapi.Digest Wire(byte[] content) => Blobs.DigestOf(content).ToWire();

    private static UpdateRequest Plain(byte[] content) => new()
    {
        Digest = Wire(content),
        Data = ByteString.CopyFrom(content),
    };

    private static async Task<Reapi.Digest[]> MissingAsync(RunningCluster cluster, params byte[][] blobs) =>
        [.. (await cluster.Cas.FindMissingBlobsAsync(new()
        {
            BlobDigests = { blobs.Select(Wire) },
        })).MissingBlobDigests];
}
