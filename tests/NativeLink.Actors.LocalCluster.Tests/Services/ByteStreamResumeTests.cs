using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using NativeLink.Actors.LocalCluster.Tests.Host;

namespace NativeLink.Actors.LocalCluster.Tests.Services;

public sealed class ByteStreamResumeTests
{
    private static readonly byte[] Content = Blobs.Random(100_000);
    private static readonly Digest Digest = Blobs.DigestOf(Content);

    [Theory]
    [InlineData(40_000)]
    [InlineData(10_000)]
    [InlineData(0)]
    public async Task NL_299_NL_300_An_upload_that_broke_goes_on_at_its_offset_or_anywhere_before_it(int offset)
    {
        await using var cluster = await RunningCluster.StartAsync();
        var name = ByteStreamCalls.UploadName(Digest);
        await BreakAsync(cluster, name, 40_000);
        using var second = cluster.Bytes.BeginWrite();
        await second.SendAsync(name, offset, Content.AsSpan(offset), finish: true);
        Assert.Equal(Content.Length, (await second.ResponseAsync).CommittedSize);
        Assert.Equal(Content, (await cluster.Bytes.DownloadAsync($"blobs/{Digest.Hash}/{Digest.SizeBytes}")).Content);
    }

    [Fact]
    public async Task NL_299_A_resumed_blake3_upload_keeps_its_function_and_another_digest_is_an_upload_of_its_own()
    {
        await using var cluster = await RunningCluster.StartAsync();
        var blake3 = Blobs.DigestOf(Content, DigestFunction.Blake3);
        var name = ByteStreamCalls.UploadName(blake3, "one-id", "blobs/blake3/");
        await BreakAsync(cluster, name, 40_000);
        using var other = cluster.Bytes.BeginWrite();
        await other.SendAsync(ByteStreamCalls.UploadName(Digest, "one-id"), 40_000, Content.AsSpan(40_000),
            finish: true);
        var error = await Blobs.FailsWithAsync(StatusCode.InvalidArgument, () => other.ResponseAsync);
        Assert.Contains("0 bytes have been received", error.Status.Detail, StringComparison.Ordinal);
        using var second = cluster.Bytes.BeginWrite();
        await second.SendAsync(name, 40_000, Content.AsSpan(40_000), finish: true);
        Assert.Equal(Content.Length, (await second.ResponseAsync).CommittedSize);
        Assert.True(cluster.Server.Cas.Contains(blake3));
    }

    [Fact]
    public async Task NL_301_A_live_stream_may_start_again_at_0()
    {
        await using var cluster = await RunningCluster.StartAsync();
        var name = ByteStreamCalls.UploadName(Digest);
        using var call = cluster.Bytes.BeginWrite();
        await call.SendAsync(name, 0, Content.AsSpan(0, 60_000));
        await call.SendAsync(name, 0, Content.AsSpan(0, 50_000));
        await call.SendAsync(name, 50_000, Content.AsSpan(50_000), finish: true);
        Assert.Equal(Content.Length, (await call.ResponseAsync).CommittedSize);
    }

    [Fact]
    public async Task Finishing_below_what_was_received_is_refused()
    {
        await using var cluster = await RunningCluster.StartAsync();
        var name = ByteStreamCalls.UploadName(Digest);
        await BreakAsync(cluster, name, 40_000);
        using var second = cluster.Bytes.BeginWrite();
        await second.SendAsync(name, 0, Content.AsSpan(0, 10), finish: true);
        await Blobs.FailsWithAsync(StatusCode.InvalidArgument, () => second.ResponseAsync);
    }

    [Fact]
    public async Task A_stream_closed_without_finish_write_is_refused_and_its_bytes_are_kept()
    {
        await using var cluster = await RunningCluster.StartAsync();
        var name = ByteStreamCalls.UploadName(Digest);
        using var call = cluster.Bytes.BeginWrite();
        await call.SendAsync(name, 0, Content.AsSpan(0, 40_000));
        await call.RequestStream.CompleteAsync();
        await Blobs.FailsWithAsync(StatusCode.InvalidArgument, () => call.ResponseAsync);
        Assert.Equal(40_000, (await cluster.Bytes.StatusAsync(name)).CommittedSize);
    }

    [Fact]
    public async Task NL_308_Two_live_streams_with_one_id_both_complete()
    {
        await using var cluster = await RunningCluster.StartAsync();
        var name = ByteStreamCalls.UploadName(Digest);
        using var first = cluster.Bytes.BeginWrite();
        using var second = cluster.Bytes.BeginWrite();
        await first.SendAsync(name, 0, Content.AsSpan(0, 1000));
        await Uploads.WaitForAsync(cluster, name, 1000);
        await second.SendAsync(name, 0, Content.AsSpan(0, 2000));
        await second.SendAsync(name, 2000, Content.AsSpan(2000), finish: true);
        Assert.Equal(Content.Length, (await second.ResponseAsync.WaitAsync(TimeSpan.FromSeconds(30))).CommittedSize);
        await first.SendAsync(name, 1000, Content.AsSpan(1000), finish: true);
        Assert.Equal(Content.Length, (await first.ResponseAsync.WaitAsync(TimeSpan.FromSeconds(30))).CommittedSize);
    }

    [Fact]
    public async Task A_stream_that_goes_on_in_the_middle_takes_over_from_one_that_hangs()
    {
        await using var cluster = await RunningCluster.StartAsync();
        var name = ByteStreamCalls.UploadName(Digest);
        using var hanging = cluster.Bytes.BeginWrite();
        await hanging.SendAsync(name, 0, Content.AsSpan(0, 1000));
        await Uploads.WaitForAsync(cluster, name, 1000);
        using var second = cluster.Bytes.BeginWrite();
        await second.SendAsync(name, 1000, Content.AsSpan(1000), finish: true);
        Assert.Equal(Content.Length, (await second.ResponseAsync).CommittedSize);
        await Blobs.FailsWithAsync(StatusCode.Aborted, () => hanging.ResponseAsync);
    }

    [Fact]
    public async Task NL_312_The_status_of_an_upload_is_nothing_a_part_or_all()
    {
        await using var cluster = await RunningCluster.StartAsync();
        var name = ByteStreamCalls.UploadName(Digest);
        Assert.Equal((0, false), await StatusAsync(cluster, name));
        using var call = cluster.Bytes.BeginWrite();
        await call.SendAsync(name, 0, Content.AsSpan(0, 1000));
        await Uploads.WaitForAsync(cluster, name, 1000);
        Assert.Equal((1000, false), await StatusAsync(cluster, name));
        await call.SendAsync("", 1000, Content.AsSpan(1000), finish: true);
        await call.ResponseAsync;
        Assert.Equal((Content.Length, true), await StatusAsync(cluster, name));
    }

    [Fact]
    public async Task An_unfinished_upload_is_forgotten_after_its_lifetime_and_its_file_goes()
    {
        var clock = new FakeTimeProvider(RunningCluster.Start);
        await using var cluster = await RunningCluster.StartAsync(time: clock);
        var name = ByteStreamCalls.UploadName(Digest);
        await BreakAsync(cluster, name, 40_000);
        clock.Advance(TimeSpan.FromSeconds(59));
        Assert.Equal((40_000, false), await StatusAsync(cluster, name));
        clock.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal((0, false), await StatusAsync(cluster, name));
        Assert.DoesNotContain(
            Directory.EnumerateFiles(Path.Combine(cluster.DataDirectory, "tmp"), "*", SearchOption.AllDirectories),
            file => new FileInfo(file).Length == 40_000);
    }

    private static async Task<(long, bool)> StatusAsync(RunningCluster cluster, string name)
    {
        var status = await cluster.Bytes.StatusAsync(name);
        return (status.CommittedSize, status.Complete);
    }

    /// <summary>Sends the first bytes and drops the call; returns when the server has let go of it.</summary>
    private static async Task BreakAsync(RunningCluster cluster, string name, int bytes)
    {
        using (var call = cluster.Bytes.BeginWrite())
        {
            await call.SendAsync(name, 0, Content.AsSpan(0, bytes));
            await Uploads.WaitForAsync(cluster, name, bytes);
            await call.RequestStream.CompleteAsync();
            await Assert.ThrowsAsync<RpcException>(() => call.ResponseAsync);
        }
    }
}
