using Akka.TestKit.Xunit2;
using NativeLink.Actors.Cas;
using NativeLink.Actors.Cas.Channels;
using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Storage.Materialisers;
using NativeLink.Actors.Storage.Trees;
using NativeLink.Actors.Storage.WorkDirectories;
using NativeLink.Actors.Testing.Cas;
using NativeLink.Actors.Worker.Inputs;
using NativeLink.Actors.Worker.Processes;
using NativeLink.Actors.Worker.Telemetry;
using static NativeLink.Actors.Worker.Inputs.DownloadProtocol;
using static NativeLink.Actors.Worker.Processes.ProcessProtocol;

namespace NativeLink.Actors.Worker.Tests.Inputs;

/// <summary>A disk that does not answer (a network file system, fsfreeze(8)), with 200 actions in flight.</summary>
public sealed class StalledDiskTests() : TestKit(WorkerHocon.Reference())
{
    private const int InFlight = 200;
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Attempts_on_a_stalled_disk_are_answered_when_they_are_killed_and_others_end_later()
    {
        using var directory = new TempDirectory();
        await using var server = await FakeCasServer.StartAsync();
        await using var client = new GrpcCasClient(
            new GrpcStoreOptions { Endpoints = [new GrpcEndpointOptions(server.Address)] },
            TimeProvider.System, new Random(1));
        using (var store = ContentStore.Open(
            new ContentStoreOptions(directory.At("content"), directory.At("temp")), TimeProvider.System))
        using (var work = WorkDirectory.Open(directory.At("work")))
        using (var roots = new StalledRoots())
        {
            var downloader = Sys.ActorOf(
                CasDownloader.CreateProps(client, store, roots, new OutputParents(), TimeProvider.System));
            var attempts = Enumerable.Range(0, InFlight).Select(i => AttemptId.Next(new OperationId($"op-{i}")))
                .ToList();
            foreach (var attempt in attempts)
            {
                var place = work.CreateActionDirectory(attempt);
                downloader.Tell(
                    new StageInputs(attempt, Digest.Empty(DigestFunction.Sha256), place, [], ""), TestActor);
            }
            await roots.Stalled.WaitAsync(Soon);

            // Each kill has to be heard, and the bound of its work has to pass, while the disk says nothing.
            foreach (var attempt in attempts.Take(InFlight / 2))
                downloader.Tell(new CancelDownload(attempt), TestActor);
            for (var i = 0; i < InFlight / 2; i++)
                Assert.Equal(FaultKind.Aborted, (await ExpectMsgAsync<DownloadFailed>(Soon)).Fault.Kind);

            // A process on a disk that answers ends, and is heard of.
            var runner = Sys.ActorOf(ProcessRunner.CreateProps(new QuickLauncher()));
            var other = AttemptId.Next(new OperationId("other"));
            runner.Tell(new Run(other, new ProcessPlan(["true"], [], "/", "", "")), TestActor);
            Assert.Equal(other, (await ExpectMsgAsync<Exited>(Soon)).Id);

            roots.Answer();
            for (var i = 0; i < InFlight / 2; i++)
                await ExpectMsgAsync<InputsStaged>(Soon);
            await ExpectNoMsgAsync(TimeSpan.FromMilliseconds(100));
        }
    }

    /// <summary>Its processes end a moment later, on a thread of somebody else's.</summary>
    private sealed class QuickLauncher : IProcessLauncher
    {
        public string Description => "quick";

        public async Task<ProcessReport> RunAsync(ProcessPlan plan, CancellationToken abort)
        {
            await Task.Yield();
            return new ProcessReport(0, 0, false, default, default, default);
        }
    }

    private sealed class StalledRoots : IInputRoots
    {
        private readonly ManualResetEventSlim _answers = new();
        private readonly TaskCompletionSource _stalled = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Completes when the first thread waits for the disk.</summary>
        public Task Stalled => _stalled.Task;

        public string Description => "stalled";

        public bool IsCached(in Digest root) => true;

        public void Answer() => _answers.Set();

        public Task<IInputRoot> MaterialiseAsync(
            Digest root, string destination, ITreeSource source, CancellationToken cancellation)
        {
            _stalled.TrySetResult();
            // Without the token: a thread that waits in the kernel hears nothing.
            _answers.Wait(Soon, CancellationToken.None);
            return Task.FromResult<IInputRoot>(new Root(destination));
        }

        public void Dispose() => _answers.Dispose();

        private sealed class Root(string path) : IInputRoot
        {
            public string Path => path;

            public string Materialiser => "stalled";

            public bool Cached => true;

            public long Bytes => 0;

            public string? UpperLayerPath(string path) => null;

            public void Dispose()
            {
            }
        }
    }
}
