using Grpc.Core;
using NativeLink.Actors.LocalCluster.Tests.Host;

namespace NativeLink.Actors.LocalCluster.Tests.Services;

public sealed class ByteStreamReadTests
{
    [Theory]
    [InlineData(19, 0, 19)]
    [InlineData(10 << 20, 0, 0)]
    [InlineData(300_000, 5, 0)]
    [InlineData(300_000, 299_999, 100)]
    [InlineData(300_000, 300_000, 0)]
    [InlineData(300_000, 400_000, 7)]
    [InlineData(300_000, 1000, long.MaxValue)]
    public async Task NL_309_NL_310_Offset_and_limit_give_exactly_those_bytes(int size, long offset, long limit)
    {
        await using var cluster = await RunningCluster.StartAsync();
        var content = Blobs.Random(size);
        var digest = cluster.Put(content);
        var (read, largest) = await cluster.Bytes.DownloadAsync($"blobs/{digest.Hash}/{size}", offset, limit);
        var expected = content.Skip((int)Math.Min(offset, size));
        Assert.Equal(limit == 0 ? expected : expected.Take((int)Math.Min(limit, size)), read);
        Assert.True(largest <= 1 << 20, $"a message of {largest} bytes");
    }

    [Fact]
    public async Task NL_311_A_missing_blob_is_not_found_and_named()
    {
        await using var cluster = await RunningCluster.StartAsync();
        var digest = Blobs.DigestOf("abc"u8);
        var error = await Blobs.FailsWithAsync(StatusCode.NotFound,
            () => cluster.Bytes.DownloadAsync($"blobs/{digest.Hash}/3"));
        Assert.Contains(digest.ToString(), error.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_empty_blob_is_read_as_nothing_in_either_form()
    {
        await using var cluster = await RunningCluster.StartAsync();
        var name = Digest.Empty(DigestFunction.Sha256).ToString();
        Assert.Empty((await cluster.Bytes.DownloadAsync($"blobs/{name}")).Content);
        Assert.Empty(Zstd.Decode((await cluster.Bytes.DownloadAsync($"compressed-blobs/zstd/{name}")).Content));
    }

    [Theory]
    [InlineData(-1, 0)]
    [InlineData(0, -1)]
    public async Task A_negative_offset_or_limit_is_refused(long offset, long limit)
    {
        await using var cluster = await RunningCluster.StartAsync();
        var digest = cluster.Put("abc"u8);
        await Blobs.FailsWithAsync(StatusCode.InvalidArgument,
            () => cluster.Bytes.DownloadAsync($"blobs/{digest.Hash}/3", offset, limit));
    }
}
