using Akka.Actor;
using Grpc.Core;
using NativeLink.Actors.Cas;
using NativeLink.Actors.Cas.Channels;
using NativeLink.Actors.Protocol.Hashing;
using NativeLink.Actors.Worker.Outputs;
using NativeLink.Actors.Worker.Stores;
using NativeLink.Actors.Worker.Transfers;
using static NativeLink.Actors.Worker.Outputs.UploadProtocol;

namespace NativeLink.Actors.Worker.Tests.Outputs;

public sealed class CasUploaderTests : OutputSpec
{
    [Fact]
    public async Task NL_039_One_question_for_all_and_only_what_is_missing_is_sent_once()
    {
        Server.Put("there"u8.ToArray());
        Write("there", "there");
        foreach (var i in Enumerable.Range(0, 5))
            Write($"same{i}", "same");
        Write("large", new string('x', 2_000_000));
        WriteSpools("same", "err");
        await UploadAsync(Outputs("there", "same0", "same1", "same2", "same3", "same4", "large"));
        Assert.Equal(
            (1, 1, 1), (Server.Calls("FindMissingBlobs"), Server.Calls("BatchUpdateBlobs"), Server.Calls("Write")));
        Assert.Equal(["err", "same", new string('x', 2_000_000)], Server.Written.Select(
            digest => System.Text.Encoding.UTF8.GetString(Server.Blobs[digest])).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task What_was_uploaded_a_moment_ago_is_not_asked_for_again()
    {
        Write("f", "content");
        var uploader = Uploader();
        await UploadAsync(Outputs("f"), uploader: uploader);
        var calls = Server.TotalCalls;
        await UploadAsync(Outputs("f"), uploader: uploader);
        Assert.Equal(calls, Server.TotalCalls);
    }

    [Fact]
    public async Task After_the_CAS_was_away_everything_is_asked_for_again()
    {
        Write("f", "content");
        var uploader = Uploader();
        await UploadAsync(Outputs("f"), uploader: uploader);
        Server.Blobs.Clear();
        Server.FailNext("FindMissingBlobs", 1);
        Write("g", "other");
        await Assert.ThrowsAsync<FaultException>(() => UploadAsync(Outputs("g"), uploader: uploader));
        var result = await UploadAsync(Outputs("f"), uploader: uploader);
        Assert.Equal("content", TextOf(Assert.Single(result.OutputFiles).Digest));
    }

    [Fact]
    public async Task A_CAS_that_goes_away_during_an_upload_is_given_again_what_it_was_known_to_have()
    {
        await using var retrying = new GrpcCasClient(
            new GrpcStoreOptions
            {
                Endpoints = [new GrpcEndpointOptions(Server.Address)],
                Retry = new RetryOptions(3),
            }, TimeProvider.System, new Random(1));
        var uploader = Uploader(retrying);
        Write("f", "content");
        await UploadAsync(Outputs("f"), uploader: uploader);
        Write("g", "other");
        Server.Before["BatchUpdateBlobs"] = _ =>
        {
            // It starts anew while the outputs come, and has nothing any more.
            Server.Before.Clear();
            Server.Blobs.Clear();
            throw new RpcException(new Grpc.Core.Status(StatusCode.Unavailable, "restarted"));
        };
        var result = await UploadAsync(Outputs("f", "g"), uploader: uploader);
        Assert.Equal(["content", "other"], result.OutputFiles.Select(file => TextOf(file.Digest)));
    }

    [Theory]
    [InlineData(10)]
    [InlineData(3_000_000)]
    public async Task A_file_that_changes_between_its_hashing_and_its_upload_is_named_and_no_blob_of_it_is_finished(
        int length)
    {
        Write("f", new string('a', length));
        Server.Before["FindMissingBlobs"] = _ =>
        {
            File.WriteAllText(Path.Combine(Root, "f"), new string('b', length));
            return Task.CompletedTask;
        };
        var error = await Assert.ThrowsAsync<FaultException>(() => UploadAsync(Outputs("f")));
        Assert.Contains($"something still writes to {Path.Combine(Root, "f")}", error.Fault.Detail,
            StringComparison.Ordinal);
        Assert.Empty(Server.Written);
        Assert.DoesNotContain(Server.WriteMessages, message => message.Finish);
    }

    [Fact]
    public async Task Many_small_outputs_go_in_batches_below_the_limit()
    {
        foreach (var i in Enumerable.Range(0, 100))
            Write($"d/{i}", new string((char)('a' + (i % 26)), 60_000 + i));
        await UploadAsync(Outputs("d"));
        Assert.Equal(3, Server.Calls("BatchUpdateBlobs"));
        Assert.Equal(101, Server.Written.Count);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task NL_184_Outputs_fill_the_local_store_and_are_moved_there_when_they_may_be(bool movable)
    {
        FillsStore = true;
        Write("f", "content");
        Write("d/g", "in a directory");
        await UploadAsync(Outputs("f", "d"), movable);
        Assert.All((string[])["content", "in a directory"],
            text => Assert.True(
                Store.Contains(BlobHasher.Compute(System.Text.Encoding.UTF8.GetBytes(text), Function))));
        Assert.Equal(!movable, File.Exists(Path.Combine(Root, "f")));
        Assert.Equal(!movable, File.Exists(Path.Combine(Root, "d/g")));
    }

    [Fact]
    public async Task A_file_with_a_second_name_is_never_moved()
    {
        FillsStore = true;
        Write("f", "content");
        Assert.Equal(0, HardLink(Path.Combine(Root, "f"), Path.Combine(Outside, "second")));
        await UploadAsync(Outputs("f"), movable: true);
        Assert.True(File.Exists(Path.Combine(Root, "f")));
        Assert.True(Store.Contains(BlobHasher.Compute("content"u8, Function)));
    }

    [Fact]
    public async Task NL_191_Nothing_is_kept_here_when_writes_do_not_fill_the_store()
    {
        Write("f", "content");
        await UploadAsync(Outputs("f"), movable: true);
        Assert.False(Store.Contains(BlobHasher.Compute("content"u8, Function)));
        Assert.True(File.Exists(Path.Combine(Root, "f")));
    }

    [Fact]
    public async Task Where_the_local_store_is_the_CAS_moving_is_the_upload()
    {
        Write("moved", "content");
        WriteSpools("out", "");
        await UploadAsync(Outputs("moved"), movable: true, Uploader(new StoreCasClient(Store)));
        Assert.False(File.Exists(Path.Combine(Root, "moved")));
        Assert.All((string[])["content", "out"], text => Assert.True(
            Store.Contains(BlobHasher.Compute(System.Text.Encoding.UTF8.GetBytes(text), Function))));
        Assert.Equal(0, Server.TotalCalls);
    }

    [Fact]
    public async Task NL_200_The_answer_comes_only_when_everything_is_durable()
    {
        var gate = new TaskCompletionSource();
        Server.Before["BatchUpdateBlobs"] = _ => gate.Task;
        Write("f", "content");
        Uploader().Tell(new Upload(Op, Plan(Outputs("f"))), TestActor);
        await ExpectNoMsgAsync(TestKits.Shortly);
        gate.SetResult();
        await ExpectMsgAsync<Uploaded>(Soon);
    }

    [Fact]
    public async Task A_refused_upload_is_a_storage_fault()
    {
        Server.FailNext("BatchUpdateBlobs", int.MaxValue, StatusCode.ResourceExhausted);
        Write("f", "content");
        var error = await Assert.ThrowsAsync<FaultException>(() => UploadAsync(Outputs("f")));
        Assert.Equal((FaultKind.Storage, StatusCode.ResourceExhausted), (error.Fault.Kind, error.Fault.Code!.Value));
    }

    [Fact]
    public async Task A_result_that_no_message_can_carry_is_a_clear_fault_before_anything_is_sent()
    {
        // One file under 50,000 names: each bit of a number is one slash or two.
        Write("some/f");
        var paths = Enumerable.Range(0, 50_000)
            .Select(i => string.Concat(Enumerable.Range(0, 16).Select(bit => (i >> bit & 1) == 0 ? "./" : ".//"))
                + "some/f").ToArray();
        var error = await Assert.ThrowsAsync<FaultException>(() => UploadAsync(Outputs(paths)));
        Assert.Equal((FaultKind.Action, StatusCode.InvalidArgument), (error.Fault.Kind, error.Fault.Code!.Value));
        Assert.Contains("50000 output files", error.Fault.Detail, StringComparison.Ordinal);
        Assert.Equal(0, Server.TotalCalls);
    }

    [Fact]
    public async Task A_cancelled_upload_is_answered_once_as_aborted()
    {
        var entered = new TaskCompletionSource();
        var gate = new TaskCompletionSource();
        Server.Before["FindMissingBlobs"] = _ =>
        {
            entered.SetResult();
            return gate.Task;
        };
        Write("f", "content");
        var uploader = Uploader();
        uploader.Tell(new Upload(Op, Plan(Outputs("f"))), TestActor);
        await entered.Task.WaitAsync(Soon);
        uploader.Tell(new CancelUpload(Op), TestActor);
        Assert.Equal(FaultKind.Aborted, (await ExpectMsgAsync<UploadFailed>(Soon)).Fault.Kind);
        gate.SetResult();
        await ExpectNoMsgAsync(TestKits.Shortly);
    }

    [Fact]
    public async Task A_stopped_uploader_answers_what_it_held()
    {
        var entered = new TaskCompletionSource();
        var gate = new TaskCompletionSource();
        Server.Before["FindMissingBlobs"] = _ =>
        {
            entered.SetResult();
            return gate.Task;
        };
        Write("f", "content");
        var uploader = Uploader();
        uploader.Tell(new Upload(Op, Plan(Outputs("f"))), TestActor);
        await entered.Task.WaitAsync(Soon);
        Sys.Stop(uploader);
        Assert.Equal(FaultKind.Worker, (await ExpectMsgAsync<UploadFailed>(Soon)).Fault.Kind);
        gate.SetResult();
    }

    [Theory]
    [InlineData(1000)]
    [InlineData(2_000_000)]
    public async Task What_two_actions_bring_at_once_is_sent_once_and_the_second_serves_when_the_first_changed(
        int length)
    {
        var gate = new TaskCompletionSource();
        var asked = new TaskCompletionSource();
        Server.Before["FindMissingBlobs"] = _ =>
        {
            asked.TrySetResult();
            return gate.Task;
        };
        var content = new string('x', length);
        Write("first", content);
        Write("second", content);
        var cas = new WatchedCas(Client);
        var (uploader, second) = (Uploader(cas), AttemptId.Next(new OperationId("second")));
        uploader.Tell(new Upload(Op, Plan(Outputs("first"))), TestActor);
        await asked.Task.WaitAsync(Soon);
        uploader.Tell(new Upload(second, Plan(Outputs("second"))), TestActor);
        // The second action has hashed its file, and its question has joined the first one's.
        await cas.TakenUpAsync(2);
        File.WriteAllText(Path.Combine(Root, "first"), new string('y', length));
        gate.SetResult();
        var answers = new[] { await ExpectMsgAsync<object>(Soon), await ExpectMsgAsync<object>(Soon) };
        Assert.Equal(second, Assert.Single(answers.OfType<Uploaded>()).Id);
        Assert.Contains("something still writes to", Assert.Single(answers.OfType<UploadFailed>()).Fault.Detail,
            StringComparison.Ordinal);
        Assert.Equal(content, System.Text.Encoding.UTF8.GetString(Server.Blobs[Assert.Single(Server.Written)]));
        Assert.Equal(1, Server.Calls("FindMissingBlobs"));
    }

    [Fact]
    public async Task A_child_that_fails_is_answered_for_and_the_others_go_on()
    {
        Write("f", "content");
        var uploader = Sys.ActorOf(CasUploader.CreateProps(Targets(), TimeProvider.System, (request, work, stop) =>
            request.Id == Op ? Props.Create(() => new Failing()) : TransferWork.CreateProps(work, stop)));
        await EventFilter.Exception<InvalidOperationException>().ExpectOneAsync(() =>
        {
            uploader.Tell(new Upload(Op, Plan(Outputs("f"))), TestActor);
            return Task.CompletedTask;
        });
        var failed = await ExpectMsgAsync<UploadFailed>(Soon);
        Assert.Equal((Op, FaultKind.Worker), (failed.Id, failed.Fault.Kind));
        var other = AttemptId.Next(Op.Operation);
        uploader.Tell(new Upload(other, Plan(Outputs("f"))), TestActor);
        Assert.Equal(other, (await ExpectMsgAsync<Uploaded>(Soon)).Id);
    }

    [Fact]
    public async Task A_failure_in_it_answers_what_it_held_refuses_for_a_moment_and_then_works_again()
    {
        Write("f", "content");
        var entered = new TaskCompletionSource();
        Server.Before["FindMissingBlobs"] = _ =>
        {
            entered.TrySetResult();
            return new TaskCompletionSource().Task;
        };
        var fails = false;
        var uploader = Sys.ActorOf(CasUploader.CreateProps(Targets(), TimeProvider.System, (_, work, stop) =>
            fails ? throw new InvalidOperationException("the test wants it") : TransferWork.CreateProps(work, stop)));
        uploader.Tell(new Upload(Op, Plan(Outputs("f"))), TestActor);
        await entered.Task.WaitAsync(Soon);
        Server.Before.Clear();
        fails = true;
        await EventFilter.Exception<InvalidOperationException>().ExpectOneAsync(() =>
        {
            uploader.Tell(new Upload(AttemptId.Next(Op.Operation), Plan(Outputs("f"))), ActorRefs.NoSender);
            // It is in the mailbox by then: the pause of 100 ms is over soon on a slow machine.
            uploader.Tell(new Upload(Op, Plan(Outputs("f"))), TestActor);
            return Task.CompletedTask;
        });
        fails = false;
        Assert.Equal((Op, FaultKind.Worker), (await ExpectMsgAsync<UploadFailed>(Soon)) is var held
            ? (held.Id, held.Fault.Kind)
            : default);
        Assert.Equal(StatusCode.Unavailable, (await ExpectMsgAsync<UploadFailed>(Soon)).Fault.Code);
        await AwaitAssertAsync(async () =>
        {
            uploader.Tell(new Upload(AttemptId.Next(Op.Operation), Plan(Outputs("f"))), TestActor);
            await ExpectMsgAsync<Uploaded>(Soon);
        }, Soon, TimeSpan.FromMilliseconds(20));
    }

    [Fact]
    public async Task A_cache_entry_and_a_historical_record_are_published()
    {
        var action = BlobHasher.Compute("action"u8, Function);
        var record = new Wire.HistoricalExecuteResponse { ActionDigest = action.ToWire() };
        Uploader().Tell(new Publish(Op, new PublishPlan(action, new Reapi.ActionResult
        {
            ExitCode = 5,
        }, record)), TestActor);
        var published = await ExpectMsgAsync<Published>(Soon);
        Assert.True(published.ActionCacheWritten);
        Assert.Equal(5, Server.Results[action].ExitCode);
        Assert.Equal(
            record, Wire.HistoricalExecuteResponse.Parser.ParseFrom(Server.Blobs[published.Historical!.Value]));
    }

    [Fact]
    public async Task Publishing_answers_also_when_every_write_fails_or_nothing_is_to_be_written()
    {
        Server.FailNext("UpdateActionResult", int.MaxValue);
        Server.FailNext("BatchUpdateBlobs", int.MaxValue);
        var action = BlobHasher.Compute("action"u8, Function);
        var uploader = Uploader();
        uploader.Tell(
            new Publish(Op, new PublishPlan(action, new Reapi.ActionResult(), new Wire.HistoricalExecuteResponse
            {
                ActionDigest = action.ToWire(),
            })), TestActor);
        Assert.Equal(new Published(Op, false, null), await ExpectMsgAsync<Published>(Soon));
        var calls = Server.TotalCalls;
        uploader.Tell(new Publish(Op, new PublishPlan(action, null, null)), TestActor);
        Assert.Equal(new Published(Op, false, null), await ExpectMsgAsync<Published>(Soon));
        Assert.Equal(calls, Server.TotalCalls);
    }

    private sealed class Failing : UntypedActor
    {
        protected override void PreStart() => Self.Tell("fail");

        protected override void OnReceive(object message) => throw new InvalidOperationException("the test wants it");
    }

    [System.Runtime.InteropServices.DllImport("libc", EntryPoint = "link")]
    private static extern int HardLink(string from, string to);
}
