using Akka.Actor;
using Akka.TestKit;
using Akka.TestKit.Xunit2;
using NativeLink.Actors.Storage.WorkDirectories;
using NativeLink.Actors.Worker.Connection;
using NativeLink.Actors.Worker.Connection.WorkerApi;
using NativeLink.Actors.Worker.Inputs;
using NativeLink.Actors.Worker.Operations;
using NativeLink.Actors.Worker.Processes;
using static NativeLink.Actors.Worker.Inputs.DownloadProtocol;
using static NativeLink.Actors.Worker.Operations.ExecutorProtocol;
using static NativeLink.Actors.Worker.Outputs.UploadProtocol;
using static NativeLink.Actors.Worker.Processes.ProcessProtocol;
using static NativeLink.Actors.Worker.Tests.Operations.Actions;

namespace NativeLink.Actors.Worker.Tests.Operations;

/// <summary>One executor among probes, on a clock that only the test moves.</summary>
public abstract class ExecutorSpec : TestKit
{
    private readonly TempDirectory _work = new();
    private readonly WorkDirectory _directory;
    private Run? _run;

    protected ExecutorSpec()
        : base(TestKits.Stepped)
    {
        (Connection, Downloader, Runner, Uploader) =
            (CreateTestProbe("connection"), CreateTestProbe("downloader"), CreateTestProbe("runner"),
                CreateTestProbe("uploader"));
        _directory = WorkDirectory.Open(_work.Path);
        Settings = new ExecutorSettings(Options(), new ExecutorPeers(Downloader, Runner, Uploader),
            new ActionDirectories(_directory));
    }

    protected TestProbe Connection { get; }

    protected TestProbe Downloader { get; }

    protected TestProbe Runner { get; }

    protected TestProbe Uploader { get; }

    private protected ExecutorSettings Settings { get; set; }

    protected ExecutorOptions WorkerOptions
    {
        get => Settings.Options;
        set => Settings = Settings with { Options = value };
    }

    protected PlainRoot? Root { get; private set; }

    protected TestScheduler Clock => (TestScheduler)Sys.Scheduler;

    /// <summary>Names in the work directory that are not the worker's own.</summary>
    protected string[] WorkLeft => [.. Directory.GetFileSystemEntries(_work.Path).Select(path => Path.GetFileName(path))
        .Where(name => !name.StartsWith('.'))];

    protected override void AfterAll()
    {
        base.AfterAll();
        _directory.Dispose();
        _work.Dispose();
    }

    protected IActorRef StartExecutor(ActionAssignment? assignment = null)
    {
        var executor = Connection.ChildActorOf(ActionExecutor.CreateProps(Settings));
        executor.Tell(new Start(Attempt, assignment ?? Assignment()));
        return executor;
    }

    protected async Task LoadAsync(Reapi.Command? command = null, Reapi.Action? action = null)
    {
        Assert.Equal(ActionDigest, (await Downloader.ExpectMsgAsync<LoadAction>()).Action);
        Downloader.Reply(new ActionLoaded(Attempt, action ?? Action(), command ?? Command(), RootDigest));
    }

    protected async Task StageAsync()
    {
        var stage = await Downloader.ExpectMsgAsync<StageInputs>();
        Assert.Equal(RootDigest, stage.InputRoot);
        await stage.Directory.StageAsync(path =>
        {
            Directory.CreateDirectory(path);
            return Task.FromResult<Storage.Materialisers.IInputRoot>(Root = new PlainRoot(path));
        });
        try
        {
            Downloader.Reply(new InputsStaged(Attempt, Root!,
                OutputParents.Create(Root!.Path, stage.OutputParents, stage.WorkingDirectory)));
        }
        catch (FaultException error)
        {
            Downloader.Reply(new DownloadFailed(Attempt, error.Fault));
        }
    }

    /// <summary>Brings the executor to where the process runs.</summary>
    private protected async Task<Run> RunAsync(Reapi.Command? command = null, Reapi.Action? action = null)
    {
        await LoadAsync(command, action);
        await StageAsync();
        var run = await NextRunAsync();
        run.Plan.Clock!.Start(Clock.Now);
        return run;
    }

    protected async Task UploadAsync()
    {
        await Uploader.ExpectMsgAsync<Upload>();
        Uploader.Reply(new Uploaded(Attempt, Uploaded()));
    }

    /// <summary>Answers a request to remember the result, and says what was asked.</summary>
    private protected async Task<Worker.Outputs.PublishPlan> PublishAsync(
        bool actionCache = false, Digest? historical = null)
    {
        var publish = await Uploader.ExpectMsgAsync<Publish>();
        Uploader.Reply(new Published(Attempt, actionCache, historical));
        return publish.Plan;
    }

    private protected async Task<Run> NextRunAsync() => _run = await Runner.ExpectMsgAsync<Run>();

    /// <summary>The process has ended, and the runner has looked at what it left.</summary>
    private protected void Exit(ProcessReport report) =>
        Runner.Reply(new Exited(Attempt, report, _run!.Inspect?.Invoke()));

    /// <summary>The result as a scheduler of NativeLink gets it.</summary>
    protected static Wire.ExecuteResult Told(ExecuteResult result)
    {
        var translator = new WorkerApiTranslator();
        translator.FromWire(new Wire.UpdateForWorker
        {
            ConnectionResult = new Wire.ConnectionResult { WorkerId = "worker-1" },
        });
        return translator.ToWire(new LinkProtocol.ResultReady(result)).ExecuteResult;
    }

    /// <param name="lingers">Whether a service still has the directory in use.</param>
    private protected async Task<Finished> FinishedAsync(bool lingers = false)
    {
        var finished = await Connection.ExpectMsgAsync<Finished>();
        Assert.Equal(Attempt, finished.Id);
        Assert.Equal(Op, finished.Result.OperationId);
        Assert.Equal("main", finished.Result.InstanceName);
        if (finished.Result.ExecuteResponse is { } response)
            Complete(response);
        // The answer leaves first, the directory goes right after it.
        if (!lingers)
            await Eventually.HoldsAsync(() => WorkLeft.Length == 0, () => string.Join(", ", WorkLeft));
        return finished;
    }
}
