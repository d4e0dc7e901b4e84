using Akka.Actor;
using Grpc.Core;
using NativeLink.Actors.Cas;
using NativeLink.Actors.Cas.Channels;
using NativeLink.Actors.Protocol.Hashing;
using static NativeLink.Actors.Worker.Outputs.UploadProtocol;

namespace NativeLink.Actors.Worker.Tests.Outputs;

/// <summary>What actions that share an uploader may do to each other: nothing.</summary>
public sealed class SharedUploadTests : OutputSpec
{
    /// <summary>As many as there are calls at once.</summary>
    private const int BusyActions = 8;

    private readonly TaskCompletionSource _gate = new();

    [Fact]
    public async Task Outputs_of_two_digest_functions_are_asked_for_each_by_its_own()
    {
        var (uploader, cas) = await BusyAsync();
        Begin(uploader, "sha", "sha content");
        await cas.TakenUpAsync(BusyActions + 1);
        Function = DigestFunction.Blake3;
        Begin(uploader, "blake", "blake content");
        await cas.TakenUpAsync(BusyActions + 2);
        _gate.SetResult();
        var answers = await AnswersAsync(10);
        foreach (var (name, function) in new[] { ("sha", DigestFunction.Sha256), ("blake", DigestFunction.Blake3) })
        {
            var uploaded = Assert.IsType<Uploaded>(answers[name]);
            Assert.True(
                Server.Blobs.ContainsKey(Digest.FromWire(uploaded.Outputs.OutputFiles.Single().Digest, function, name)),
                $"{name} is answered and not in the CAS");
        }
    }

    [Fact]
    public async Task A_blob_that_is_refused_fails_the_action_that_brings_it_alone()
    {
        var bad = BlobHasher.Compute("bad"u8, Function);
        Server.Refused.Add(bad);
        var (uploader, cas) = await BusyAsync();
        Begin(uploader, "bad", "bad");
        Begin(uploader, "good", "good");
        await cas.TakenUpAsync(BusyActions + 2);
        _gate.SetResult();
        var answers = await AnswersAsync(10);
        var failed = Assert.IsType<UploadFailed>(answers["bad"]);
        Assert.Contains(bad.Hash, failed.Fault.Detail, StringComparison.Ordinal);
        Assert.All(answers.Where(pair => pair.Key != "bad"), pair => Assert.IsType<Uploaded>(pair.Value));
    }

    [Fact]
    public async Task The_first_fault_of_an_action_does_not_wait_for_its_other_blobs()
    {
        Server.Refused.Add(BlobHasher.Compute("bad"u8, Function));
        Server.Before["Write"] = _ => _gate.Task;
        Write("bad", "bad");
        Write("slow", new string('x', 2_000_000));
        var error = await Assert.ThrowsAsync<FaultException>(() => UploadAsync(Outputs("bad", "slow")));
        Assert.Equal(StatusCode.InvalidArgument, error.Fault.Code);
        _gate.SetResult();
    }

    [Fact]
    public async Task An_answer_from_before_an_absence_is_not_taken_for_one_of_after_it()
    {
        await using var inner = new GrpcCasClient(new GrpcStoreOptions
        {
            Endpoints = [new GrpcEndpointOptions(Server.Address)],
        }, TimeProvider.System, new Random(1));
        var cas = new WatchedCas(inner) { HoldsFirstAnswer = true };
        var digest = Server.Put("content"u8.ToArray());
        var uploader = Uploader(cas);
        Begin(uploader, "a", "content");
        await cas.Answered.Task.WaitAsync(Soon);
        // It has said that the blob is there, and starts anew, empty.
        Server.Blobs.Clear();
        cas.MoreAbsences = 1;
        Begin(uploader, "b", "content");
        await cas.TakenUpAsync(2);
        cas.Gate.SetResult();
        var answers = await AnswersAsync(2);
        Assert.All(answers.Values, answer => Assert.IsType<Uploaded>(answer));
        Assert.True(Server.Blobs.ContainsKey(digest));
    }

    [Fact]
    public async Task One_dead_address_of_two_costs_no_action_its_outputs()
    {
        await using var cas = new GrpcCasClient(new GrpcStoreOptions
        {
            Endpoints = [new GrpcEndpointOptions(new Uri("http://127.0.0.1:1")),
                new GrpcEndpointOptions(Server.Address)],
            Retry = new RetryOptions(5, TimeSpan.FromMilliseconds(1), 0),
        }, TimeProvider.System, new Random(1));
        var uploader = Uploader(cas);
        for (var i = 0; i < 5; i++)
        {
            Write($"f{i}", $"content {i}");
            Assert.Single((await UploadAsync(Outputs($"f{i}"), uploader: uploader)).OutputFiles);
        }
        Assert.Equal(0, cas.Absences);
    }

    [Fact]
    public async Task A_server_that_is_unavailable_every_third_time_costs_no_action_its_outputs()
    {
        await using var cas = new GrpcCasClient(new GrpcStoreOptions
        {
            Endpoints = [new GrpcEndpointOptions(Server.Address)],
            Retry = new RetryOptions(8, TimeSpan.FromMilliseconds(1), 0),
        }, TimeProvider.System, new Random(1));
        var calls = 0;
        Server.Before["FindMissingBlobs"] = Server.Before["BatchUpdateBlobs"] = _ =>
            Interlocked.Increment(ref calls) % 3 == 0
                ? throw new RpcException(new Grpc.Core.Status(StatusCode.Unavailable, "now and then"))
                : Task.CompletedTask;
        var uploader = Uploader(cas);
        for (var i = 0; i < 20; i++)
            Begin(uploader, $"f{i}", $"content {i}");
        Assert.All((await AnswersAsync(20)).Values, answer => Assert.IsType<Uploaded>(answer));
    }

    /// <summary>An uploader whose calls are all under way: what comes now is asked for together.</summary>
    private async Task<(IActorRef Uploader, WatchedCas Cas)> BusyAsync()
    {
        Server.Before["FindMissingBlobs"] = _ => _gate.Task;
        var cas = new WatchedCas(Client);
        var uploader = Uploader(cas);
        for (var i = 0; i < BusyActions; i++)
            Begin(uploader, $"busy{i}", $"busy {i}");
        await AwaitConditionAsync(() => Task.FromResult(Server.Calls("FindMissingBlobs") == BusyActions), Soon);
        return (uploader, cas);
    }

    private void Begin(IActorRef uploader, string name, string content)
    {
        Write(name, content);
        uploader.Tell(new Upload(AttemptId.Next(new OperationId(name)), Plan(Outputs(name))), TestActor);
    }

    private async Task<Dictionary<string, object>> AnswersAsync(int count)
    {
        var answers = new Dictionary<string, object>();
        for (var i = 0; i < count; i++)
        {
            var answer = await ExpectMsgAsync<object>(Soon);
            answers.Add(answer is Uploaded uploaded
                ? uploaded.Id.Operation.Value
                : Assert.IsType<UploadFailed>(answer).Id.Operation.Value, answer);
        }
        return answers;
    }
}
