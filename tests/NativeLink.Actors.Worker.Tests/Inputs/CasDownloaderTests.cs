using Akka.Actor;
using Akka.TestKit.Xunit2;
using NativeLink.Actors.Cas;
using NativeLink.Actors.Cas.Channels;
using NativeLink.Actors.Protocol.Hashing;
using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Storage.Materialisers;
using NativeLink.Actors.Storage.Trees;
using NativeLink.Actors.Storage.WorkDirectories;
using NativeLink.Actors.Testing.Cas;
using NativeLink.Actors.Worker.Inputs;
using NativeLink.Actors.Worker.Transfers;
using static NativeLink.Actors.Worker.Inputs.DownloadProtocol;

namespace NativeLink.Actors.Worker.Tests.Inputs;

public sealed class CasDownloaderTests() : TestKit(TestKits.Real), IAsyncLifetime
{
    private static readonly AttemptId Op = AttemptId.Next(new OperationId("op"));
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(30);

    private readonly TempDirectory _directory = new();
    private readonly ScriptedRoots _roots = new();
    private FakeCasServer _server = null!;
    private GrpcCasClient _client = null!;
    private ContentStore _store = null!;
    private WorkDirectory _work = null!;

    public async Task InitializeAsync()
    {
        _server = await FakeCasServer.StartAsync();
        _client = new GrpcCasClient(new GrpcStoreOptions
        {
            Endpoints = [new GrpcEndpointOptions(_server.Address)],
        }, TimeProvider.System, new Random(1));
        _store = ContentStore.Open(new ContentStoreOptions(_directory.At("content"), _directory.At("temp")),
            TimeProvider.System);
        _work = WorkDirectory.Open(_directory.At("work"));
    }

    async Task IAsyncLifetime.DisposeAsync()
    {
        await _client.DisposeAsync();
        await _server.DisposeAsync();
        _store.Dispose();
        _work.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public async Task An_action_is_loaded_with_its_command()
    {
        var command = new Reapi.Command { Arguments = { "true" } };
        var action = new Reapi.Action
        {
            CommandDigest = _server.Put(command).ToWire(),
            InputRootDigest = Digest.Empty(DigestFunction.Sha256).ToWire(),
        };
        Downloader().Tell(new LoadAction(Op, _server.Put(action)), TestActor);
        var loaded = await ExpectMsgAsync<ActionLoaded>(Soon);
        Assert.Equal((Op, action, command), (loaded.Id, loaded.Action, loaded.Command));
    }

    [Fact]
    public async Task Inputs_are_staged_where_the_executor_wants_them()
    {
        var root = _server.Put(new Reapi.Directory
        {
            Files = { new Reapi.FileNode { Name = "f", Digest = _server.Put("content"u8.ToArray()).ToWire() } },
        });
        var place = Place();
        Downloader().Tell(new StageInputs(Op, root, place, [], ""), TestActor);
        var staged = await ExpectMsgAsync<InputsStaged>(Soon);
        Assert.Equal(place.WorkPath, staged.Root.Path);
        Assert.True(_store.Contains(BlobHasher.Compute("content"u8, DigestFunction.Sha256)));
    }

    [Fact]
    public async Task A_failure_is_one_answer_with_its_fault()
    {
        var gone = BlobHasher.Compute("gone"u8, DigestFunction.Sha256);
        Downloader().Tell(new LoadAction(Op, gone), TestActor);
        var failed = await ExpectMsgAsync<DownloadFailed>(Soon);
        Assert.Equal((Op, FaultKind.Missing), (failed.Id, failed.Fault.Kind));
        await ExpectNoMsgAsync(TestKits.Shortly);
    }

    [Fact]
    public async Task A_cancelled_request_is_answered_once_as_aborted_and_others_go_on()
    {
        _roots.Hold = true;
        var downloader = Downloader();
        // The same operation, of another worker of this process.
        var other = AttemptId.Next(Op.Operation);
        downloader.Tell(new StageInputs(Op, Digest.Empty(DigestFunction.Sha256), Place(), [], ""), TestActor);
        downloader.Tell(new StageInputs(other, Digest.Empty(DigestFunction.Sha256), Place(), [], ""), TestActor);
        await _roots.Entered(2);
        downloader.Tell(new CancelDownload(Op), TestActor);
        var failed = await ExpectMsgAsync<DownloadFailed>(Soon);
        Assert.Equal((Op, FaultKind.Aborted), (failed.Id, failed.Fault.Kind));
        _roots.Release();
        Assert.Equal(other, (await ExpectMsgAsync<InputsStaged>(Soon)).Id);
        await ExpectNoMsgAsync(TestKits.Shortly);
    }

    [Fact]
    public async Task A_root_that_comes_after_its_directory_was_given_up_is_disposed_of_and_then_the_directory_goes()
    {
        (_roots.Hold, _roots.Deaf) = (true, true);
        var downloader = Downloader();
        var place = Place();
        downloader.Tell(new StageInputs(Op, Digest.Empty(DigestFunction.Sha256), place, [], ""), TestActor);
        await _roots.Entered(1);
        downloader.Tell(new CancelDownload(Op), TestActor);
        // It does not end, so the answer comes without it.
        Assert.Equal(FaultKind.Aborted, (await ExpectMsgAsync<DownloadFailed>(Soon)).Fault.Kind);
        place.Dispose();
        Assert.True(Directory.Exists(place.Path), "a root is still being made in it");
        _roots.Release();
        await AwaitConditionAsync(() => Task.FromResult(!Directory.Exists(place.Path)), Soon);
        Assert.Equal(1, _roots.Disposed);
        await ExpectNoMsgAsync(TestKits.Shortly);
    }

    [Fact]
    public async Task A_failure_in_it_answers_what_it_held_refuses_for_a_moment_and_then_works_again()
    {
        _roots.Hold = true;
        var downloader = Downloader();
        downloader.Tell(new StageInputs(Op, Digest.Empty(DigestFunction.Sha256), Place(), [], ""), TestActor);
        await _roots.Entered(1);
        var entered = new TaskCompletionSource();
        _server.Before["BatchReadBlobs"] = _ =>
        {
            entered.TrySetResult();
            return new TaskCompletionSource().Task;
        };
        downloader.Tell(new LoadAction(AttemptId.Next(Op.Operation), _server.Put("never answered"u8.ToArray())),
            TestActor);
        await entered.Task.WaitAsync(Soon);
        _server.Before.Clear();
        await FailAsync(downloader);
        // The two that it held; whoever sent the one that it failed on is told too, below.
        Assert.Equal(FaultKind.Worker, (await ExpectMsgAsync<DownloadFailed>(Soon)).Fault.Kind);
        Assert.Equal(FaultKind.Worker, (await ExpectMsgAsync<DownloadFailed>(Soon)).Fault.Kind);
        (_roots.Hold, _roots.Cached) = (false, () => false);
        await AwaitAssertAsync(async () =>
        {
            downloader.Tell(new StageInputs(AttemptId.Next(Op.Operation), Digest.Empty(DigestFunction.Sha256), Place(),
                [], ""), TestActor);
            await ExpectMsgAsync<InputsStaged>(Soon);
        }, Soon, TimeSpan.FromMilliseconds(20));
    }

    [Fact]
    public async Task A_downloader_that_has_just_failed_refuses_at_once_and_says_so()
    {
        var downloader = Downloader();
        // It is in the mailbox by then: the pause of 100 ms is over soon on a slow machine.
        await FailAsync(downloader, new LoadAction(Op, Digest.Empty(DigestFunction.Sha256)));
        var failed = await ExpectMsgAsync<DownloadFailed>(Soon);
        Assert.Equal((FaultKind.Worker, Grpc.Core.StatusCode.Unavailable),
            (failed.Fault.Kind, failed.Fault.Code!.Value));
        Assert.Contains("failed a moment ago", failed.Fault.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_request_that_it_fails_on_is_answered_too()
    {
        var downloader = Downloader();
        _roots.Cached = () => throw new InvalidOperationException("the test wants it");
        downloader.Tell(new StageInputs(Op, Digest.Empty(DigestFunction.Sha256), Place(), [], ""), TestActor);
        var failed = await ExpectMsgAsync<DownloadFailed>(Soon);
        Assert.Equal((Op, FaultKind.Worker), (failed.Id, failed.Fault.Kind));
        Assert.Contains("the test wants it", failed.Fault.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stop_answers_what_was_held()
    {
        _roots.Hold = true;
        var downloader = Downloader();
        downloader.Tell(new StageInputs(Op, Digest.Empty(DigestFunction.Sha256), Place(), [], ""), TestActor);
        await _roots.Entered(1);
        Sys.Stop(downloader);
        Assert.Equal(FaultKind.Worker, (await ExpectMsgAsync<DownloadFailed>(Soon)).Fault.Kind);
    }

    [Fact]
    public async Task A_child_that_fails_is_answered_for_and_the_others_go_on()
    {
        _roots.Hold = true;
        var failing = AttemptId.Next(Op.Operation);
        var downloader = Sys.ActorOf(CasDownloader.CreateProps(_client, _store, _roots, new OutputParents(),
            new ArrivalCount(), TimeProvider.System, (request, source, stop) => request.Id == failing
            ? Props.Create(() => new Failing())
            : TransferWork.CreateProps(
                async cancelled => new InputsStaged(request.Id, await request.Directory.StageAsync(
                    path => _roots.MaterialiseAsync(request.InputRoot, path, source, cancelled)), ""), stop)));
        downloader.Tell(new StageInputs(Op, Digest.Empty(DigestFunction.Sha256), Place(), [], ""), TestActor);
        await _roots.Entered(1);
        await EventFilter.Exception<InvalidOperationException>().ExpectOneAsync(() =>
        {
            downloader.Tell(new StageInputs(failing, Digest.Empty(DigestFunction.Sha256), Place(), [], ""), TestActor);
            return Task.CompletedTask;
        });
        var failed = await ExpectMsgAsync<DownloadFailed>(Soon);
        Assert.Equal((failing, FaultKind.Worker), (failed.Id, failed.Fault.Kind));
        _roots.Release();
        Assert.Equal(Op, (await ExpectMsgAsync<InputsStaged>(Soon)).Id);
    }

    /// <summary>Makes it throw in a handler; its parent restarts it.</summary>
    /// <param name="next">What it hears right after that.</param>
    private async Task FailAsync(IActorRef downloader, object? next = null)
    {
        _roots.Cached = () => throw new InvalidOperationException("the test wants it");
        await EventFilter.Exception<InvalidOperationException>().ExpectOneAsync(() =>
        {
            downloader.Tell(new StageInputs(AttemptId.Next(Op.Operation), Digest.Empty(DigestFunction.Sha256), Place(),
                [], ""), ActorRefs.NoSender);
            if (next is not null)
                downloader.Tell(next, TestActor);
            return Task.CompletedTask;
        });
        _roots.Cached = () => false;
    }

    private ActionDirectory Place() => _work.CreateActionDirectory(AttemptId.Next(Op.Operation));

    private IActorRef Downloader() =>
        Sys.ActorOf(CasDownloader.CreateProps(_client, _store, _roots, new OutputParents(), TimeProvider.System));

    private sealed class Failing : UntypedActor
    {
        protected override void PreStart() => Self.Tell("fail");

        protected override void OnReceive(object message) => throw new InvalidOperationException("the test wants it");
    }

    private sealed class ScriptedRoots : IInputRoots
    {
        private readonly TaskCompletionSource _release = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _entered;
        private int _disposed;

        public bool Hold { get; set; }

        /// <summary>Does not hear cancellations.</summary>
        public bool Deaf { get; set; }

        public int Disposed => _disposed;

        public string Description => "scripted";

        /// <summary>Asked in the downloader's own handler.</summary>
        public Func<bool> Cached { get; set; } = () => false;

        public bool IsCached(in Digest root) => Cached();

        public void Release() => _release.TrySetResult();

        public Task Entered(int times) =>
            Eventually.HoldsAsync(() => Volatile.Read(ref _entered) >= times, () => $"entered {_entered} times");

        public async Task<IInputRoot> MaterialiseAsync(
            Digest root, string destination, ITreeSource source, CancellationToken cancellation)
        {
            Interlocked.Increment(ref _entered);
            if (Hold)
                await _release.Task.WaitAsync(Deaf ? CancellationToken.None : cancellation);
            var stop = Deaf ? CancellationToken.None : cancellation;
            var directory = (await source.GetDirectoriesAsync([root], static (_, _) => true, stop))[root];
            (await source.FetchAsync(
                [.. directory.Files.Select(file => Digest.FromWire(file.Digest, root.Function, "f"))], stop)).Dispose();
            return new ScriptedRoot(this, destination);
        }

        public void Dispose()
        {
        }

        private sealed class ScriptedRoot(ScriptedRoots owner, string path) : IInputRoot
        {
            public string Path { get; } = path;

            public string Materialiser => "scripted";

            public bool Cached => false;

            public long Bytes => 0;

            public string? UpperLayerPath(string path) => null;

            public void Dispose() => Interlocked.Increment(ref owner._disposed);
        }
    }
}
