using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using NativeLink.Actors.LocalCluster.Tests.Host;

namespace NativeLink.Actors.LocalCluster.Tests.Services;

public sealed class UploadBoundTests
{
    private const int Small = 10 << 20;

    private static readonly byte[] One = Blobs.Random(100_000, 1);
    private static readonly byte[] Two = Blobs.Random(100_000, 2);

    [Fact]
    public async Task One_upload_id_carries_several_blobs_at_the_same_time_and_one_after_the_other()
    {
        await using var cluster = await RunningCluster.StartAsync();
        using var first = cluster.Bytes.BeginWrite();
        var (one, two) = (ByteStreamCalls.UploadName(Blobs.DigestOf(One), "shared"),
            ByteStreamCalls.UploadName(Blobs.DigestOf(Two), "shared"));
        await first.SendAsync(one, 0, One.AsSpan(0, 1000));
        await Uploads.WaitForAsync(cluster, one, 1000);
        Assert.Equal(Two.Length, await cluster.Bytes.UploadAsync(two, Two));
        Assert.Equal(1000, (await cluster.Bytes.StatusAsync(one)).CommittedSize);
        await first.RequestStream.CompleteAsync();
        await Blobs.FailsWithAsync(StatusCode.InvalidArgument, () => first.ResponseAsync);
        var third = Blobs.Random(500, 3);
        Assert.Equal(
            500, await cluster.Bytes.UploadAsync(ByteStreamCalls.UploadName(Blobs.DigestOf(third), "shared"), third));
        using var rest = cluster.Bytes.BeginWrite();
        await rest.SendAsync(one, 1000, One.AsSpan(1000), finish: true);
        Assert.Equal(One.Length, (await rest.ResponseAsync).CommittedSize);
    }

    [Fact]
    public async Task What_can_never_fit_is_refused_at_its_first_message_and_nothing_goes_for_it()
    {
        await using var cluster = await StartSmallAsync();
        var kept = cluster.Put(One);
        var claim = Digest.Parse(Blobs.DigestOf(Two).Hash, Small + 1, DigestFunction.Sha256);
        using var call = cluster.Bytes.BeginWrite();
        await call.SendAsync(ByteStreamCalls.UploadName(claim), 0, Two);
        var error = await Blobs.FailsWithAsync(StatusCode.ResourceExhausted, () => call.ResponseAsync);
        Assert.Contains("can never fit", error.Status.Detail, StringComparison.Ordinal);
        Assert.True(cluster.Server.Cas.Contains(kept));
        Assert.Equal(Small / 4096 * 4096,
            (await cluster.Capabilities.GetCapabilitiesAsync(new())).CacheCapabilities.MaxCasBlobSizeBytes);
    }

    [Fact]
    public async Task In_a_batch_what_can_never_fit_is_refused_alone()
    {
        await using var cluster = await StartSmallAsync(most: 150_000);
        var big = Blobs.Random(200_000);
        var answer = await cluster.Cas.BatchUpdateBlobsAsync(new()
        {
            Requests = { new[] { big,
                One }.Select(data => new Reapi.BatchUpdateBlobsRequest.Types.Request { Digest = Blobs.DigestOf(data)
                    .ToWire(), Data = Google.Protobuf.ByteString.CopyFrom(data) }) },
        });
        Assert.Equal([(int)StatusCode.ResourceExhausted, 0], answer.Responses.Select(response => response.Status.Code));
        Assert.True(cluster.Server.Cas.Contains(Blobs.DigestOf(One)));
    }

    [Fact]
    public async Task A_store_without_a_limit_says_none()
    {
        await using var cluster = await RunningCluster.StartAsync();
        Assert.Equal(0, (await cluster.Capabilities.GetCapabilitiesAsync(new())).CacheCapabilities.MaxCasBlobSizeBytes);
    }

    [Fact]
    public async Task Uploads_that_are_being_fed_count_against_one_bound_and_the_one_above_it_is_refused()
    {
        await using var cluster = await RunningCluster.StartAsync(options => options with { MaxUploadBytes = 150_000 });
        using var first = cluster.Bytes.BeginWrite();
        var one = ByteStreamCalls.UploadName(Blobs.DigestOf(One));
        await first.SendAsync(one, 0, One.AsSpan(0, 90_000));
        await Uploads.WaitForAsync(cluster, one, 90_000);
        using var second = cluster.Bytes.BeginWrite();
        await second.SendAsync(ByteStreamCalls.UploadName(Blobs.DigestOf(Two)), 0, Two, finish: true);
        await Blobs.FailsWithAsync(StatusCode.ResourceExhausted, () => second.ResponseAsync);
        await first.SendAsync(one, 90_000, One.AsSpan(90_000), finish: true);
        Assert.Equal(One.Length, (await first.ResponseAsync).CommittedSize);
        Assert.Equal(Two.Length, await cluster.Bytes.UploadAsync(ByteStreamCalls.UploadName(Blobs.DigestOf(Two)), Two));
    }

    [Fact]
    public async Task A_compressed_upload_counts_what_it_decodes_to()
    {
        await using var cluster = await RunningCluster.StartAsync(options => options with { MaxUploadBytes = 1 << 20 });
        var zeros = new byte[8 << 20];
        var name = ByteStreamCalls.UploadName(Blobs.DigestOf(zeros), form: "compressed-blobs/zstd/");
        await Blobs.FailsWithAsync(StatusCode.ResourceExhausted,
            () => cluster.Bytes.UploadAsync(name, Zstd.Encode(zeros)));
        Assert.Equal(One.Length, await cluster.Bytes.UploadAsync(ByteStreamCalls.UploadName(Blobs.DigestOf(One)), One));
    }

    [Fact]
    public async Task Broken_uploads_give_way_to_those_that_are_being_fed()
    {
        await using var cluster = await RunningCluster.StartAsync(options => options with { MaxUploadBytes = 150_000 });
        var one = ByteStreamCalls.UploadName(Blobs.DigestOf(One));
        await BreakAsync(cluster, one, 30_000);
        Assert.Equal(30_000, (await cluster.Bytes.StatusAsync(one)).CommittedSize);
        var large = Blobs.Random(140_000, 4);
        Assert.Equal(
            large.Length, await cluster.Bytes.UploadAsync(ByteStreamCalls.UploadName(Blobs.DigestOf(large)), large));
        Assert.Equal(0, (await cluster.Bytes.StatusAsync(one)).CommittedSize);
    }

    [Fact]
    public async Task Broken_uploads_together_keep_at_most_a_quarter_of_the_bound_the_oldest_goes()
    {
        await using var cluster = await RunningCluster.StartAsync(options => options with { MaxUploadBytes = 400_000 });
        var names = Enumerable.Range(10, 3)
            .Select(seed => ByteStreamCalls.UploadName(Blobs.DigestOf(Blobs.Random(100_000, seed)))).ToList();
        foreach (var (name, seed) in names.Zip(Enumerable.Range(10, 3)))
            await BreakAsync(cluster, name, 40_000, seed);
        var kept = await Task.WhenAll(
            names.Select(async name => (await cluster.Bytes.StatusAsync(name)).CommittedSize));
        Assert.Equal([0, 40_000, 40_000], kept);
    }

    [Fact]
    public async Task A_stream_that_sends_nothing_for_long_is_ended_and_its_upload_can_go_on()
    {
        var clock = new FakeTimeProvider(RunningCluster.Start);
        await using var cluster = await RunningCluster.StartAsync(time: clock);
        var one = ByteStreamCalls.UploadName(Blobs.DigestOf(One));
        using var silent = cluster.Bytes.BeginWrite();
        await silent.SendAsync(one, 0, One.AsSpan(0, 1000));
        await Uploads.WaitForAsync(cluster, one, 1000);
        clock.Advance(TimeSpan.FromMinutes(4));
        Assert.False(silent.ResponseAsync.IsCompleted);
        clock.Advance(TimeSpan.FromMinutes(2));
        await Blobs.FailsWithAsync(StatusCode.DeadlineExceeded, () => silent.ResponseAsync);
        using var rest = cluster.Bytes.BeginWrite();
        await rest.SendAsync(one, 1000, One.AsSpan(1000), finish: true);
        Assert.Equal(One.Length, (await rest.ResponseAsync).CommittedSize);
    }

    private static Task<RunningCluster> StartSmallAsync(long most = Small) =>
        RunningCluster.StartAsync(options => options with { Cas = options.Cas with { MaxBytes = most } });

    private static async Task BreakAsync(RunningCluster cluster, string name, int bytes, int seed = 1)
    {
        using var call = cluster.Bytes.BeginWrite();
        await call.SendAsync(name, 0, Blobs.Random(100_000, seed).AsSpan(0, bytes));
        await Uploads.WaitForAsync(cluster, name, bytes);
        await call.RequestStream.CompleteAsync();
        await Assert.ThrowsAsync<RpcException>(() => call.ResponseAsync);
    }
}
