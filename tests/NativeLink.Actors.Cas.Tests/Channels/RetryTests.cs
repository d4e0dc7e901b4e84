using Grpc.Core;
using NativeLink.Actors.Cas.Channels;
using NativeLink.Actors.Protocol.Hashing;

namespace NativeLink.Actors.Cas.Tests.Channels;

public sealed class RetryTests : CasClientSpec
{
    [Fact]
    public async Task Two_unavailable_answers_in_a_row_are_survived_by_every_call()
    {
        foreach (var rpc in (string[])["Read", "BatchReadBlobs", "FindMissingBlobs", "Write", "BatchUpdateBlobs"])
            Server.FailNext(rpc, 2);
        var client = Client(Options(5));
        var data = Noise(300_000);
        var digest = BlobHasher.Compute(data, DigestFunction.Sha256);
        Assert.Equal([digest], (await client.FindMissingAsync([digest], None)).ToArray());
        await client.WriteAsync(digest, new BlobSource(data, null), None);
        await client.WriteBatchAsync([(digest, data)], None);
        Assert.Equal(data, await ReadAllAsync(client, digest));
        Assert.Equal(data, Assert.Single(await client.ReadBatchAsync([digest], None)).Data.ToArray());
        Assert.Equal(
            [3, 3, 3, 3, 3], ((string[])["Read", "BatchReadBlobs", "FindMissingBlobs", "Write",
                "BatchUpdateBlobs"]).Select(Server.Calls));
    }

    [Fact]
    public async Task Without_retries_the_first_failure_is_told_with_its_code_and_address()
    {
        Server.FailNext("FindMissingBlobs", 1);
        var error = await Assert.ThrowsAnyAsync<FaultException>(
            () => Client().FindMissingAsync([BlobHasher.Compute("x"u8, DigestFunction.Sha256)], None));
        Assert.Equal((FaultKind.Storage, StatusCode.Unavailable), (error.Fault.Kind, error.Fault.Code!.Value));
        Assert.Contains(Server.Address.Authority, error.Fault.Detail, StringComparison.Ordinal);
        Assert.Equal(1, Server.Calls("FindMissingBlobs"));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task A_stream_reset_over_its_window_is_repeated_also_without_retries(int code)
    {
        foreach (var rpc in (string[])["Write", "BatchUpdateBlobs"])
            Server.ResetNext(rpc, 2, code);
        var data = Noise(3_000_000);
        var digest = BlobHasher.Compute(data, DigestFunction.Sha256);
        var small = Noise(1000);

        await Client().WriteAsync(digest, new BlobSource(data, null), None);
        await Client().WriteBatchAsync([(BlobHasher.Compute(small, DigestFunction.Sha256), small)], None);

        Assert.Equal(data, Server.Blobs[digest]);
        Assert.Equal(small, Server.Blobs[BlobHasher.Compute(small, DigestFunction.Sha256)]);
        Assert.Equal([3, 3], ((string[])["Write", "BatchUpdateBlobs"]).Select(Server.Calls));
    }

    [Fact]
    public async Task A_server_that_always_resets_fails_the_call_in_the_end()
    {
        Server.ResetNext("FindMissingBlobs", int.MaxValue, 1);
        var error = await Assert.ThrowsAnyAsync<FaultException>(
            () => Client().FindMissingAsync([BlobHasher.Compute("x"u8, DigestFunction.Sha256)], None));
        Assert.Equal(StatusCode.Internal, error.Fault.Code);
        Assert.Equal(4, Server.Calls("FindMissingBlobs"));
    }

    [Fact]
    public async Task A_code_that_cannot_pass_is_not_repeated_unless_the_configuration_says_so()
    {
        var digest = BlobHasher.Compute("x"u8, DigestFunction.Sha256);
        Server.FailNext("FindMissingBlobs", 1, StatusCode.PermissionDenied);
        await Assert.ThrowsAnyAsync<FaultException>(() => Client(Options(5)).FindMissingAsync([digest], None));
        Server.FailNext("FindMissingBlobs", 1, StatusCode.PermissionDenied);
        var options = Options(5);
        Assert.Single(await Client(options with
        {
            Retry = options.Retry with { RetryOn = [StatusCode.PermissionDenied] },
        }).FindMissingAsync([digest], None));
    }

    [Fact]
    public async Task A_read_that_breaks_in_the_middle_goes_on_where_it_was()
    {
        var data = Noise(5_000_000);
        var digest = Server.Put(data);
        var chunks = 0;
        Server.Before["ReadMessage"] = _ => Interlocked.Increment(ref chunks) is 20 or 40
            ? throw new RpcException(new Status(StatusCode.Unavailable, ""))
            : Task.CompletedTask;
        Assert.Equal(data, await ReadAllAsync(Client(Options(5)), digest));
        var offsets = Server.Log.Where(call => call.Rpc == "Read")
            .Select(call => ((Google.ByteStream.ReadRequest)call.Request!).ReadOffset).ToArray();
        Assert.Equal([0, 19 * 65536L, 38 * 65536L], offsets);
    }

    [Fact]
    public async Task An_upload_that_breaks_goes_on_under_its_uuid_from_what_the_server_kept()
    {
        var data = Noise(5_000_000);
        var digest = BlobHasher.Compute(data, DigestFunction.Sha256);
        var messages = 0;
        Server.Before["WriteMessage"] = _ => Interlocked.Increment(ref messages) == 3
            ? throw new RpcException(new Status(StatusCode.Unavailable, ""))
            : Task.CompletedTask;
        await Client(Options(5)).WriteAsync(digest, new BlobSource(data, null), None);
        Assert.Equal(data, Server.Blobs[digest]);
        Assert.Single(Names("Write").Distinct());
        Assert.Equal([0, 1 << 20, 2 << 20, 3 << 20, 4 << 20],
            Server.WriteMessages.Select(message => (int)message.Offset));
    }

    [Theory]
    [InlineData(3, false)]
    [InlineData(3, true)]
    [InlineData(1, false)]
    [InlineData(5, false)] // The server has all of it then, and only lacks the finish.
    public async Task A_file_whose_upload_breaks_is_hashed_over_both_attempts(int breaksAt, bool changes)
    {
        using var directory = new TempDirectory();
        var path = directory.At("file");
        var data = Noise(5_000_000);
        await File.WriteAllBytesAsync(path, data);
        var digest = BlobHasher.Compute(data, DigestFunction.Sha256);
        var messages = 0;
        Server.Before["WriteMessage"] = _ =>
        {
            if (Interlocked.Increment(ref messages) != breaksAt)
                return Task.CompletedTask;
            if (changes)
                File.WriteAllBytes(path, Noise(5_000_000, seed: 2));
            throw new RpcException(new Status(StatusCode.Unavailable, ""));
        };
        using var file = File.OpenHandle(path);
        var upload = Client(Options(5)).WriteAsync(digest, new BlobSource(default, file, path), None);
        if (changes)
        {
            Assert.Contains($"something still writes to {path}",
                (await Assert.ThrowsAnyAsync<FaultException>(() => upload)).Fault.Detail, StringComparison.Ordinal);
            Assert.DoesNotContain(Server.WriteMessages, message => message.Finish);
            return;
        }
        await upload;
        Assert.Equal(data, Server.Blobs[digest]);
        Assert.Single(Names("Write").Distinct());
    }

    [Fact]
    public async Task An_upload_whose_status_cannot_be_asked_starts_again_under_a_new_uuid()
    {
        Server.FailNext("QueryWriteStatus", int.MaxValue, StatusCode.Unimplemented);
        Server.FailNext("Write", 1);
        var data = Noise(3_000_000);
        var digest = BlobHasher.Compute(data, DigestFunction.Sha256);
        await Client(Options(5)).WriteAsync(digest, new BlobSource(data, null), None);
        Assert.Equal(2, Names("Write").Distinct().Count());
        Assert.Equal(data, Server.Blobs[digest]);
    }

    [Fact]
    public async Task A_deadline_ends_a_call_that_hangs()
    {
        var never = new TaskCompletionSource();
        Server.Before["FindMissingBlobs"] = _ => never.Task;
        var client = Client(Options() with { RpcTimeout = TimeSpan.FromMilliseconds(200) });
        var error = await Assert.ThrowsAnyAsync<FaultException>(
            () => client.FindMissingAsync([BlobHasher.Compute("x"u8, DigestFunction.Sha256)], None)
                .WaitAsync(TimeSpan.FromSeconds(30)));
        Assert.Equal(StatusCode.DeadlineExceeded, error.Fault.Code);
        never.SetResult();
    }

    [Fact]
    public async Task A_server_that_is_not_there_is_a_storage_fault()
    {
        var client = Client(Options() with { Endpoints = [new GrpcEndpointOptions(new Uri("http://127.0.0.1:1"))] });
        var error = await Assert.ThrowsAnyAsync<FaultException>(
            () => client.FindMissingAsync([BlobHasher.Compute("x"u8, DigestFunction.Sha256)], None));
        Assert.Equal((FaultKind.Storage, StatusCode.Unavailable), (error.Fault.Kind, error.Fault.Code!.Value));
    }

    [Theory]
    [InlineData(0.0)]
    [InlineData(0.5)]
    public void Delays_double_and_stray_by_half_the_jitter(double jitter)
    {
        var retry = new RpcRetry(new RetryOptions(9, TimeSpan.FromSeconds(0.1), jitter), TimeProvider.System,
            new Random(7));
        foreach (var n in Enumerable.Range(1, 6))
        {
            var plain = 0.1 * Math.Pow(2, n);
            Assert.InRange(retry.DelayBefore(n).TotalSeconds, plain * (1 - (jitter / 2)) - 1e-6,
                plain * (1 + (jitter / 2)) + 1e-6);
        }
        Assert.Equal(TimeSpan.FromMinutes(1), new RpcRetry(
            new RetryOptions(99, TimeSpan.FromSeconds(1)), TimeProvider.System, new Random(7)).DelayBefore(90));
    }
}
