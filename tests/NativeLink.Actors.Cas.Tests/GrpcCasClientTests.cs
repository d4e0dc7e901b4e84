using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Grpc.Core;
using NativeLink.Actors.Cas.Channels;
using NativeLink.Actors.Protocol.Hashing;

namespace NativeLink.Actors.Cas.Tests;

public sealed class GrpcCasClientTests : CasClientSpec
{
    [Fact]
    public async Task NL_206_Nothing_asked_is_answered_without_a_network()
    {
        var client = Client(Options() with { Endpoints = [new GrpcEndpointOptions(new Uri("http://127.0.0.1:1"))] });
        Assert.Empty(await client.FindMissingAsync([], None));
        Assert.Empty(await client.FindMissingAsync([Digest.Empty(DigestFunction.Sha256)], None));
    }

    [Fact]
    public async Task Blobs_of_two_digest_functions_in_one_question_and_one_batch_are_told_apart()
    {
        var (sha, blake) = (BlobHasher.Compute("a"u8, DigestFunction.Sha256),
            BlobHasher.Compute("b"u8, DigestFunction.Blake3));
        var client = Client();
        Assert.Equal([sha, blake], (await client.FindMissingAsync([sha, blake], None)).ToArray());
        await client.WriteBatchAsync([(sha, "a"u8.ToArray()), (blake, "b"u8.ToArray())], None);
        Assert.Empty(await client.FindMissingAsync([sha, blake], None));
        var blobs = await client.ReadBatchAsync([sha, blake], None);
        Assert.Equal(new HashSet<Digest> { sha, blake },
            blobs.Where(blob => blob.Fault is null).Select(blob => blob.Digest).ToHashSet());
    }

    [Fact]
    public async Task What_no_batch_of_this_server_may_carry_travels_in_a_stream()
    {
        Server.Capabilities.CacheCapabilities.MaxBatchTotalSizeBytes = 100_000;
        Server.MostBatchBytes = 100_000;
        var (small, large) = (Noise(1000, 1), Noise(300_000, 2));
        var digests = new[] { BlobHasher.Compute(small, DigestFunction.Sha256),
            BlobHasher.Compute(large, DigestFunction.Sha256) };
        var client = Client();
        await client.WriteBatchAsync([(digests[0], small), (digests[1], large)], None);
        var blobs = (await client.ReadBatchAsync(digests, None)).ToDictionary(blob => blob.Digest);
        Assert.Equal(small, blobs[digests[0]].Data.ToArray());
        Assert.Equal(large, blobs[digests[1]].Data.ToArray());
        Assert.Equal((1, 1, 1, 1), (Server.Calls("Write"), Server.Calls("BatchUpdateBlobs"), Server.Calls("Read"),
            Server.Calls("BatchReadBlobs")));
    }

    [Fact]
    public async Task A_refused_entry_of_a_batch_is_told_by_itself_and_the_others_are_there()
    {
        var blobs = Enumerable.Range(0, 3)
            .Select(i => (Digest: BlobHasher.Compute([(byte)i], DigestFunction.Sha256),
                Data: (ReadOnlyMemory<byte>)new[] { (byte)i })).ToArray();
        Server.Refused.Add(blobs[1].Digest);
        var refused = Assert.Single(await Client(Options(3)).TryWriteBatchAsync(blobs, None));
        Assert.Equal((blobs[1].Digest, StatusCode.InvalidArgument), (refused.Key, refused.Value.Code!.Value));
        Assert.Equal(2, Server.Blobs.Count);
        Assert.Equal(1, Server.Calls("BatchUpdateBlobs"));
    }

    [Fact]
    public async Task NL_207_An_upload_is_one_stream_with_a_uuid_and_the_function_in_its_name()
    {
        var digest = BlobHasher.Compute("123"u8, DigestFunction.Sha256);
        await Client().WriteAsync(digest, new BlobSource("123"u8.ToArray(), null), None);
        var name = Assert.Single(Names("Write"));
        Assert.Matches(new Regex(
            $"^main/uploads/[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}/blobs/sha256/{digest.Hash}/3$"), name);
        Assert.Equal("123"u8.ToArray(), Server.Blobs[digest]);
    }

    [Fact]
    public async Task NL_209_A_read_names_the_function_and_the_legacy_form_leaves_it_out()
    {
        var digest = Server.Put("123"u8.ToArray());
        await ReadAllAsync(Client(Options() with { InstanceName = "" }), digest);
        await ReadAllAsync(Client(Options() with { InstanceName = "", UseLegacyResourceNames = true }), digest);
        Assert.Equal([$"blobs/sha256/{digest.Hash}/3", $"blobs/{digest.Hash}/3"], Names("Read"));
    }

    [Fact]
    public async Task A_blake3_blob_is_always_named_with_its_function()
    {
        var digest = Digest.FromHash(new byte[32], 3, DigestFunction.Blake3);
        Server.Blobs[digest] = "123"u8.ToArray();
        await ReadAllAsync(Client(Options() with { UseLegacyResourceNames = true }), digest);
        Assert.Equal([$"main/blobs/blake3/{digest.Hash}/3"], Names("Read"));
        await Client().FindMissingAsync([digest], None);
        Assert.Equal(Reapi.DigestFunction.Types.Value.Blake3,
            ((Reapi.FindMissingBlobsRequest)Server.Log.Last().Request!).DigestFunction);
    }

    [Fact]
    public async Task NL_210_Static_headers_go_with_every_call_under_lower_case_names()
    {
        var client = Client(Options() with { Headers = ImmutableDictionary<string, string>.Empty.Add("Foo", "bar") });
        var digest = Server.Put("123"u8.ToArray());
        await ReadAllAsync(client, digest);
        await client.FindMissingAsync([digest], None);
        Assert.All(Server.Log, call => Assert.Equal("bar", call.Headers.GetValue("foo")));
    }

    [Theory]
    [InlineData(9_869_079)]
    [InlineData(5_242_883)]
    public async Task NL_212_NL_213_A_large_upload_is_split_and_only_its_last_message_ends_it(int length)
    {
        var data = Enumerable.Repeat((byte)0xAB, length).ToArray();
        var digest = BlobHasher.Compute(data, DigestFunction.Sha256);
        await Client().WriteAsync(digest, new BlobSource(data, null), None);
        var messages = Server.WriteMessages.ToArray();
        Assert.True(messages.Length > 2);
        Assert.All(messages, message => Assert.InRange(message.Length, 0, 2 << 20));
        Assert.Equal(messages.Select((_, i) => (long)messages.Take(i).Sum(message => message.Length)),
            messages.Select(message => message.Offset));
        Assert.Equal(messages.Length - 1, Array.FindIndex(messages, message => message.Finish));
        Assert.Equal(data, Server.Blobs[digest]);
    }

    [Fact]
    public async Task A_file_is_uploaded_from_its_beginning()
    {
        using var directory = new TempDirectory();
        var data = Noise(3_000_000);
        await File.WriteAllBytesAsync(directory.At("file"), data);
        using var file = File.OpenHandle(directory.At("file"));
        var digest = BlobHasher.Compute(data, DigestFunction.Sha256);
        await Client().WriteAsync(digest, new BlobSource(default, file), None);
        Assert.Equal(data, Server.Blobs[digest]);
    }

    [Fact]
    public async Task NL_162_A_slow_reader_gets_every_byte()
    {
        var data = Noise(3_000_000);
        var digest = Server.Put(data);
        var received = new MemoryStream();
        await Client().ReadAsync(
            digest,
            bytes =>
            {
                // The consumer blocks, and what it does not take piles up on the wire.
                using var busy = new ManualResetEventSlim();
                busy.Wait(TimeSpan.FromMilliseconds(5));
                received.Write(bytes);
            },
            None);
        Assert.Equal(data, received.ToArray());
    }

    [Fact]
    public async Task NL_151_NL_152_What_one_worker_uploads_another_finds_in_the_same_CAS_and_not_in_a_different_one()
    {
        await using var isolated = await NativeLink.Actors.Testing.Cas.FakeCasServer.StartAsync();
        var data = Noise(50_000);
        var digest = BlobHasher.Compute(data, DigestFunction.Sha256);
        await Client().WriteAsync(digest, new BlobSource(data, null), None);
        Assert.Equal(data, await ReadAllAsync(Client(), digest));
        var elsewhere = Client(Options() with { Endpoints = [new GrpcEndpointOptions(isolated.Address)] });
        Assert.Equal(FaultKind.Missing,
            (await Assert.ThrowsAsync<FaultException>(() => ReadAllAsync(elsewhere, digest))).Fault.Kind);
    }

    [Fact]
    public async Task NL_201_What_the_CAS_is_said_to_have_is_asked_of_the_CAS_alone()
    {
        var (here, gone) = (Server.Put("here"u8.ToArray()), BlobHasher.Compute("gone"u8, DigestFunction.Sha256));
        Assert.Equal([gone], (await Client().FindMissingAsync([here, gone], None)).ToArray());
        Assert.All(Server.Log.Where(call => call.Rpc != "GetCapabilities"),
            call => Assert.Equal("FindMissingBlobs", call.Rpc));
    }

    [Fact]
    public async Task NL_217_A_missing_blob_of_a_batch_does_not_touch_the_others()
    {
        var (here, gone) = (Server.Put("here"u8.ToArray()), BlobHasher.Compute("gone"u8, DigestFunction.Sha256));
        var blobs = (await Client().ReadBatchAsync([here, gone], None)).ToDictionary(blob => blob.Digest);
        Assert.Equal("here"u8.ToArray(), blobs[here].Data.ToArray());
        Assert.Equal(FaultKind.Missing, blobs[gone].Fault!.Kind);
        Assert.Equal([gone], blobs[gone].Fault!.Missing.ToArray());
    }

    [Fact]
    public async Task A_missing_blob_is_a_missing_fault_when_it_is_streamed()
    {
        var gone = BlobHasher.Compute("gone"u8, DigestFunction.Sha256);
        var error = await Assert.ThrowsAsync<FaultException>(() => ReadAllAsync(Client(Options(3)), gone));
        Assert.Equal(FaultKind.Missing, error.Fault.Kind);
        Assert.Equal([gone], error.Fault.Missing.ToArray());
        Assert.Equal(1, Server.Calls("Read"));
    }

    [Fact]
    public async Task Missing_blobs_are_told_in_the_order_asked_and_with_the_function()
    {
        var digests = Enumerable.Range(0, 50)
            .Select(i => BlobHasher.Compute(BitConverter.GetBytes(i), DigestFunction.Sha256)).ToArray();
        Server.Put(BitConverter.GetBytes(7));
        var missing = await Client().FindMissingAsync([.. digests, .. digests], None);
        Assert.Equal(digests.Where((_, i) => i != 7), missing.ToArray());
        Assert.Equal(1, Server.Calls("FindMissingBlobs"));
        Assert.Equal(Reapi.DigestFunction.Types.Value.Sha256,
            ((Reapi.FindMissingBlobsRequest)Server.Log.Last().Request!).DigestFunction);
    }

    [Fact]
    public async Task NL_228_An_answer_before_the_end_of_an_upload_is_success()
    {
        Server.AnswersWritesEarly = true;
        var data = Noise(20_000_000);
        var digest = Server.Put(data);
        await Client().WriteAsync(digest, new BlobSource(data, null), None);
        Assert.Equal(1, Server.Calls("Write"));
        OfferZstd();
        var text = Text(20_000_000);
        await Client(Options() with { Compression = true })
            .WriteAsync(Server.Put(text), new BlobSource(text, null), None);
        Assert.Contains("compressed-blobs/zstd", Names("Write")[1], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(65536, 2 << 20)]
    [InlineData(0, 2 << 20)]
    [InlineData(100_000, 100_000)]
    [InlineData(64 << 20, (4 << 20) - (256 << 10))]
    public async Task Batches_keep_to_what_the_server_advertises_and_below_the_message_limit(
        long advertised, int expected)
    {
        Server.Capabilities.CacheCapabilities.MaxBatchTotalSizeBytes = advertised;
        var client = Client();
        await client.ReadBatchAsync([Server.Put("x"u8.ToArray())], None);
        Assert.Equal(expected, client.MaxBatchBytes);
        await client.ReadBatchAsync([Server.Put("y"u8.ToArray())], None);
        Assert.Equal(1, Server.Calls("GetCapabilities"));
    }

    [Fact]
    public async Task A_server_with_a_small_limit_gets_several_batches()
    {
        Server.Capabilities.CacheCapabilities.MaxBatchTotalSizeBytes = 1000;
        var blobs = Enumerable.Range(0, 10).Select(i => Noise(400, i))
            .Select(data => (Digest: BlobHasher.Compute(data, DigestFunction.Sha256), Data: (ReadOnlyMemory<byte>)data))
            .ToArray();
        await Client().WriteBatchAsync(blobs, None);
        Assert.Equal(5, Server.Calls("BatchUpdateBlobs"));
        Assert.Equal(10, (await Client().ReadBatchAsync([.. blobs.Select(blob => blob.Digest)], None)).Count(
            blob => blob.Fault is null));
        Assert.Equal(5, Server.Calls("BatchReadBlobs"));
    }

    [Fact]
    public async Task Forty_thousand_tiny_blobs_still_fit_into_their_messages()
    {
        var digests = Enumerable.Range(0, 40_000).Select(i => Server.Put(BitConverter.GetBytes(i))).ToArray();
        Assert.All(await Client().ReadBatchAsync(digests, None), blob => Assert.Equal(4, blob.Data.Length));
    }

    [Theory]
    [InlineData(StatusCode.Unimplemented)]
    [InlineData(StatusCode.Internal)]
    public async Task A_server_that_cannot_tell_its_capabilities_is_used_with_defaults(StatusCode code)
    {
        Server.FailNext("GetCapabilities", int.MaxValue, code);
        var digest = Server.Put("x"u8.ToArray());
        var client = Client();
        Assert.Null(Assert.Single(await client.ReadBatchAsync([digest], None)).Fault);
        Assert.Null(Assert.Single(await client.ReadBatchAsync([digest], None)).Fault);
        Assert.Equal(1, Server.Calls("GetCapabilities"));
    }

    [Fact]
    public async Task GetTree_follows_the_pages_and_a_server_without_it_is_asked_once()
    {
        var leaves = Enumerable.Range(0, 2500)
            .Select(i => new Reapi.DirectoryNode { Name = $"{i:d5}", Digest = Server.Put(Leaf(i)).ToWire() });
        var root = Server.Put(new Reapi.Directory { Directories = { leaves } });
        var client = Client();
        Assert.Equal(2501, (await client.GetTreeAsync(root, None))!.Count);
        Assert.Equal(3, Server.Calls("GetTree"));
        Server.FailNext("GetTree", int.MaxValue, StatusCode.Unimplemented);
        Assert.Null(await client.GetTreeAsync(root, None));
        Assert.Null(await client.GetTreeAsync(root, None));
        Assert.Equal(4, Server.Calls("GetTree"));
    }

    [Fact]
    public async Task An_action_cache_entry_goes_to_the_instance_of_its_own_configuration()
    {
        var action = BlobHasher.Compute("action"u8, DigestFunction.Sha256);
        var cache = Opened(new GrpcActionCacheClient(Options() with
        {
            InstanceName = "results",
        }, TimeProvider.System, new Random(1)));
        await cache.UpdateAsync(action, new Reapi.ActionResult { ExitCode = 3 }, None);
        Assert.Equal(3, Server.Results[action].ExitCode);
        var request = (Reapi.UpdateActionResultRequest)Assert.Single(Server.Log).Request!;
        Assert.Equal(("results", Reapi.DigestFunction.Types.Value.Sha256),
            (request.InstanceName, request.DigestFunction));
    }

    [Fact]
    public async Task Giving_up_ends_a_call_at_once_and_is_no_storage_fault()
    {
        var entered = new TaskCompletionSource();
        var never = new TaskCompletionSource();
        Server.Before["FindMissingBlobs"] = _ =>
        {
            entered.SetResult();
            return never.Task;
        };
        using var stop = new CancellationTokenSource();
        var call = Client(Options(5)).FindMissingAsync([BlobHasher.Compute("x"u8, DigestFunction.Sha256)], stop.Token);
        await entered.Task.WaitAsync(TimeSpan.FromSeconds(30));
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call.WaitAsync(TimeSpan.FromSeconds(30)));
        never.SetResult();
    }

    [Fact]
    public async Task No_more_calls_are_open_at_once_than_the_configuration_allows()
    {
        var (open, most) = (0, 0);
        Server.Before["FindMissingBlobs"] = async _ =>
        {
            most = Math.Max(most, Interlocked.Increment(ref open));
            await Task.Yield();
            Interlocked.Decrement(ref open);
        };
        var client = Client(Options() with { MaxConcurrentRequests = 2, ConnectionsPerEndpoint = 2 });
        await Task.WhenAll(Enumerable.Range(0, 50).Select(
            i => client.FindMissingAsync([BlobHasher.Compute(BitConverter.GetBytes(i), DigestFunction.Sha256)], None)));
        Assert.InRange(most, 1, 2);
    }

    private static Reapi.Directory Leaf(int i) => new()
    {
        Symlinks = { new Reapi.SymlinkNode { Name = "l", Target = $"{i}" } },
    };
}
