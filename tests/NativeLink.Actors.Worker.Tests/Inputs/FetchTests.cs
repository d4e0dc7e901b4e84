using Grpc.Core;
using NativeLink.Actors.Protocol.Hashing;

namespace NativeLink.Actors.Worker.Tests.Inputs;

public sealed class FetchTests : InputSpec
{
    [Fact]
    public async Task NL_185_NL_215_NL_216_Small_files_come_in_batches_and_large_ones_in_streams_into_the_store()
    {
        var small = Enumerable.Range(0, 300).Select(i => Server.Put(Noise(1000 + i, i))).ToArray();
        var large = Server.Put(Noise(2_000_000));
        using var leases = await Source.FetchAsync([.. small, large], None);
        Assert.Equal((1, 1), (Server.Calls("BatchReadBlobs"), Server.Calls("Read")));
        Assert.All(small.Append(large), digest => Assert.Equal(Server.Blobs[digest], Stored(digest)));
    }

    [Fact]
    public async Task Large_files_arrive_whole_at_the_first_try_however_many_come_at_once()
    {
        var files = Enumerable.Range(0, 10).Select(i => Server.Put(Noise(20_000_000 + i, i))).ToArray();
        using var leases = await Source.FetchAsync(files, None);
        Assert.All(
            files, file => Assert.Equal((1, Server.Blobs[file].Length), (Server.Reads[file], Stored(file).Length)));
    }

    [Fact]
    public async Task A_large_file_that_the_disk_refuses_is_that_disks_fault_and_stops_the_call()
    {
        // Its bytes are more than its digest says: what writes them refuses them long before the end.
        var file = Server.Put(Noise(2_000_000));
        Server.Blobs[file] = Noise(100_000_000);
        var error = await Assert.ThrowsAsync<FaultException>(
            () => Source.FetchAsync([file], None).WaitAsync(TimeSpan.FromSeconds(60)));
        Assert.Equal((FaultKind.Storage, StatusCode.DataLoss), (error.Fault.Kind, error.Fault.Code!.Value));
        Assert.Equal(2, Server.Reads[file]);
    }

    [Fact]
    public async Task NL_003_NL_145_Empty_files_are_never_asked_for()
    {
        using var leases = await Source.FetchAsync(
            [Digest.Empty(DigestFunction.Sha256), Digest.Empty(DigestFunction.Blake3)], None);
        Assert.Equal(0, Server.TotalCalls);
    }

    [Fact]
    public async Task What_the_store_has_is_not_fetched_again()
    {
        var files = Enumerable.Range(0, 20).Select(i => Server.Put(Noise(1000, i))).ToArray();
        (await Source.FetchAsync(files, None)).Dispose();
        Server.Log.Clear();
        (await NewSource().FetchAsync(files, None)).Dispose();
        Assert.Equal(0, Server.TotalCalls);
    }

    [Fact]
    public async Task NL_149_NL_198_Each_blob_is_read_once_however_many_want_it_at_a_time()
    {
        var gate = new TaskCompletionSource();
        Server.Before["Read"] = Server.Before["BatchReadBlobs"] = _ => gate.Task;
        var files = Enumerable.Range(0, 100).Select(i => Server.Put(Noise(1000, i)))
            .Append(Server.Put(Noise(3_000_000))).ToArray();
        var fetches = Enumerable.Range(0, 8).Select(_ => Source.FetchAsync(files, None)).ToArray();
        gate.SetResult();
        foreach (var leases in await Task.WhenAll(fetches))
            leases.Dispose();
        Assert.All(files, file => Assert.Equal(1, Server.Reads[file]));
    }

    [Fact]
    public async Task NL_215_Batches_are_filled_across_requests_while_the_slots_are_busy()
    {
        var gate = new TaskCompletionSource();
        Server.Before["BatchReadBlobs"] = _ => gate.Task;
        var fetches = Enumerable.Range(0, 200).Select(i => Source.FetchAsync([Server.Put(Noise(1000, i))], None))
            .ToArray();
        gate.SetResult();
        await Task.WhenAll(fetches);
        Assert.InRange(Server.Calls("BatchReadBlobs"), 1, 20);
    }

    [Fact]
    public async Task NL_134_Several_files_are_on_their_way_at_once()
    {
        var all = new TaskCompletionSource();
        var open = 0;
        // No stream is answered before three of them are open.
        Server.Before["Read"] = _ =>
        {
            if (Interlocked.Increment(ref open) == 3)
                all.SetResult();
            return all.Task;
        };
        var files = Enumerable.Range(0, 3).Select(i => Server.Put(Noise(2_000_000, i))).ToArray();
        using var leases = await Source.FetchAsync(files, None).WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Equal(3, open);
    }

    [Fact]
    public async Task NL_199_NL_219_One_who_gives_up_takes_nothing_from_the_others()
    {
        var entered = new SemaphoreSlim(0);
        var gate = new TaskCompletionSource();
        Server.Before["Read"] = Server.Before["BatchReadBlobs"] = _ =>
        {
            entered.Release();
            return gate.Task;
        };
        Digest[] files = [Server.Put(Noise(1000)), Server.Put(Noise(3_000_000))];
        using var stop = new CancellationTokenSource();
        var (leader, follower) = (Source.FetchAsync(files, stop.Token), Source.FetchAsync(files, None));
        await entered.WaitAsync(TimeSpan.FromSeconds(30));
        await entered.WaitAsync(TimeSpan.FromSeconds(30));
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => leader.WaitAsync(TimeSpan.FromSeconds(30)));
        gate.SetResult();
        (await follower.WaitAsync(TimeSpan.FromSeconds(30))).Dispose();
        Assert.All(files, file => Assert.Equal(1, Server.Reads[file]));
    }

    [Fact]
    public async Task What_nobody_waits_for_any_more_is_stopped_and_can_be_asked_for_again()
    {
        var entered = new TaskCompletionSource<Task>();
        Server.Before["ReadMessage"] = _ =>
        {
            entered.TrySetResult(Task.CompletedTask);
            return Task.CompletedTask;
        };
        var file = Server.Put(Noise(30_000_000));
        using var stop = new CancellationTokenSource();
        var fetch = Source.FetchAsync([file], stop.Token);
        await entered.Task.WaitAsync(TimeSpan.FromSeconds(30));
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => fetch);
        (await Source.FetchAsync([file], None).WaitAsync(TimeSpan.FromSeconds(30))).Dispose();
        Assert.True(Store.Contains(file));
    }

    [Fact]
    public async Task NL_195_All_missing_files_are_named_in_one_fault_and_the_others_are_kept()
    {
        var here = Server.Put(Noise(1000));
        var gone = Enumerable.Range(0, 30)
            .Select(i => BlobHasher.Compute(BitConverter.GetBytes(i), DigestFunction.Sha256))
            .Append(Digest.FromHash(new byte[32], 3_000_000, DigestFunction.Sha256)).ToArray();
        var error = await Assert.ThrowsAsync<FaultException>(() => Source.FetchAsync([here, .. gone], None));
        Assert.Equal(FaultKind.Missing, error.Fault.Kind);
        Assert.Equal(gone.Order(), error.Fault.Missing.ToArray());
        Assert.True(Store.Contains(here));
    }

    [Theory]
    [InlineData(1000)]
    [InlineData(2_000_000)]
    public async Task Corrupt_content_is_read_once_more_and_then_a_fault_that_names_it(int length)
    {
        var file = Server.Put(Noise(length));
        Server.Blobs[file] = Noise(length, seed: 2);
        var error = await Assert.ThrowsAsync<FaultException>(() => Source.FetchAsync([file], None));
        Assert.Equal((FaultKind.Storage, StatusCode.DataLoss), (error.Fault.Kind, error.Fault.Code!.Value));
        Assert.Contains(file.Hash, error.Fault.Detail, StringComparison.Ordinal);
        Assert.Equal(2, Server.Reads[file]);
        Assert.False(Store.Contains(file));
    }

    [Theory]
    [InlineData(1000)]
    [InlineData(2_000_000)]
    public async Task Content_that_was_corrupt_on_the_way_is_good_the_second_time(int length)
    {
        var good = Noise(length);
        var file = Server.Put(good);
        Server.Blobs[file] = Noise(length, seed: 2);
        var calls = 0;
        Server.Before[length > 1000 ? "Read" : "BatchReadBlobs"] = _ =>
        {
            if (Interlocked.Increment(ref calls) == 2)
                Server.Blobs[file] = good;
            return Task.CompletedTask;
        };
        (await Source.FetchAsync([file], None)).Dispose();
        Assert.Equal(good, Stored(file));
    }

    [Fact]
    public async Task Many_files_come_in_few_batches()
    {
        var files = Enumerable.Range(0, 1_200).Select(i => Server.Put(Noise(4096, i))).ToArray();
        (await Source.FetchAsync(files, None)).Dispose();
        Assert.Equal(3, Server.Calls("BatchReadBlobs"));
    }

    [Fact]
    public async Task A_blob_that_is_larger_than_any_disk_and_not_in_the_CAS_is_missing()
    {
        var digest = Digest.Parse(new string('a', 64), 1L << 60, DigestFunction.Sha256);
        var error = await Assert.ThrowsAsync<FaultException>(() => Source.FetchAsync([digest], None));
        Assert.Equal(FaultKind.Missing, error.Fault.Kind);
        Assert.Equal([digest], error.Fault.Missing.ToArray());
    }

    [Fact]
    public async Task A_blob_that_is_in_the_CAS_and_larger_than_the_disk_may_have_room_on_another_worker()
    {
        var digest = Digest.Parse(new string('a', 64), 1L << 60, DigestFunction.Sha256);
        Server.Blobs[digest] = [1];
        var error = await Assert.ThrowsAsync<FaultException>(() => Source.FetchAsync([digest], None));
        Assert.Equal((FaultKind.Storage, Grpc.Core.StatusCode.ResourceExhausted), (error.Fault.Kind, error.Fault.Code));
    }

    [Fact]
    public async Task A_broken_batch_is_a_storage_fault_for_those_who_wait()
    {
        Server.FailNext("BatchReadBlobs", int.MaxValue);
        var error = await Assert.ThrowsAsync<FaultException>(
            () => NewSource(retries: 1).FetchAsync([Server.Put(Noise(10))], None));
        Assert.Equal((FaultKind.Storage, StatusCode.Unavailable), (error.Fault.Kind, error.Fault.Code!.Value));
    }
}
