using Grpc.Core;
using NativeLink.Actors.LocalCluster.Tests.Host;

namespace NativeLink.Actors.LocalCluster.Tests.Services;

public sealed class ByteStreamZstdTests
{
    private const string Form = "compressed-blobs/zstd/";

    [Theory]
    [InlineData(1)]
    [InlineData(200_000)]
    [InlineData(5_000_000)]
    public async Task NL_313_NL_314_A_compressed_upload_is_stored_plain_and_answered_with_the_bytes_of_the_wire(
        int size)
    {
        await using var cluster = await RunningCluster.StartAsync();
        foreach (var content in new[] { Blobs.Random(size), new byte[size] })
        {
            var digest = Blobs.DigestOf(content);
            var frame = Zstd.Encode(content);
            Assert.Equal(frame.Length, await cluster.Bytes.UploadAsync(
                ByteStreamCalls.UploadName(digest, form: Form), frame, chunk: 10_000));
            Assert.Equal(content, (await cluster.Bytes.DownloadAsync($"blobs/{digest.Hash}/{size}")).Content);
        }
    }

    [Fact]
    public async Task NL_315_Compressed_streams_are_refused_while_compression_is_off()
    {
        await using var cluster = await RunningCluster.StartAsync(options => options with { Compression = false });
        var digest = cluster.Put("abc"u8);
        await Blobs.FailsWithAsync(StatusCode.InvalidArgument,
            () => cluster.Bytes.DownloadAsync($"{Form}{digest.Hash}/3"));
        var other = Blobs.DigestOf("abcd"u8);
        await Blobs.FailsWithAsync(
            StatusCode.InvalidArgument, () => cluster.Bytes.UploadAsync(
                ByteStreamCalls.UploadName(other, form: Form), Zstd.Encode("abcd"u8)));
    }

    [Fact]
    public async Task NL_316_A_frame_of_other_content_or_no_frame_or_more_than_one_is_refused()
    {
        await using var cluster = await RunningCluster.StartAsync();
        var digest = Blobs.DigestOf("abc"u8);
        var frame = Zstd.Encode("abc"u8);
        byte[][] wrong = [Zstd.Encode("abd"u8), Zstd.Encode("ab"u8), Zstd.Encode("abcd"u8),
            "not zstd at all"u8.ToArray(), [.. frame, .. frame], frame[..^2]];
        foreach (var bytes in wrong)
        {
            var name = ByteStreamCalls.UploadName(digest, form: Form);
            await Blobs.FailsWithAsync(StatusCode.InvalidArgument, () => cluster.Bytes.UploadAsync(name, bytes));
            Assert.False(cluster.Server.Cas.Contains(digest));
        }
        Assert.Equal(
            frame.Length, await cluster.Bytes.UploadAsync(ByteStreamCalls.UploadName(digest, form: Form), frame));
    }

    [Fact]
    public async Task NL_317_NL_318_Offsets_and_the_status_count_compressed_bytes()
    {
        await using var cluster = await RunningCluster.StartAsync();
        var content = new byte[1 << 20];
        var frame = Zstd.Encode(content);
        var name = ByteStreamCalls.UploadName(Blobs.DigestOf(content), form: Form);
        using var call = cluster.Bytes.BeginWrite();
        await call.SendAsync(name, 0, frame.AsSpan(0, 10));
        await Uploads.WaitForAsync(cluster, name, 10);
        Assert.False((await cluster.Bytes.StatusAsync(name)).Complete);
        await call.SendAsync("", 5, frame.AsSpan(5));
        var error = await Blobs.FailsWithAsync(StatusCode.InvalidArgument, () => call.ResponseAsync);
        Assert.Contains("write_offset 5", error.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task NL_319_Compressed_blobs_identity_is_the_same_as_plain()
    {
        await using var cluster = await RunningCluster.StartAsync();
        var digest = Blobs.DigestOf("abc"u8);
        Assert.Equal(3, await cluster.Bytes.UploadAsync(
            ByteStreamCalls.UploadName(digest, form: "compressed-blobs/identity/"), "abc"u8.ToArray()));
        Assert.Equal("abc"u8.ToArray(),
            (await cluster.Bytes.DownloadAsync($"compressed-blobs/identity/{digest.Hash}/3")).Content);
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(700_001, true)]
    [InlineData(700_001, false)]
    public async Task NL_320_NL_322_A_compressed_read_decodes_to_the_blob_from_the_plain_offset(int offset, bool random)
    {
        await using var cluster = await RunningCluster.StartAsync();
        var content = random ? Blobs.Random(1_500_000) : new byte[1_500_000];
        var digest = cluster.Put(content);
        var (frame, largest) = await cluster.Bytes.DownloadAsync($"{Form}{digest.Hash}/{digest.SizeBytes}", offset);
        Assert.Equal(content[offset..], Zstd.Decode(frame));
        Assert.True(largest <= 1 << 20, $"a message of {largest} bytes");
    }

    [Fact]
    public async Task NL_321_A_compressed_read_with_a_limit_is_refused()
    {
        await using var cluster = await RunningCluster.StartAsync();
        var digest = cluster.Put("abc"u8);
        await Blobs.FailsWithAsync(StatusCode.InvalidArgument,
            () => cluster.Bytes.DownloadAsync($"{Form}{digest.Hash}/3", limit: 1));
    }
}
