using System.Diagnostics.CodeAnalysis;
using Akka.Actor;
using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Storage.Trees;
using NativeLink.Actors.Worker.Remote;
using NativeLink.Actors.Worker.Telemetry;
using static NativeLink.Actors.Worker.Inputs.DownloadProtocol;

namespace NativeLink.Actors.Worker.Inputs;

/// <summary>
/// Brings what actions need from the CAS onto this disk. Shared by all executors, supervised by the host's services; hears LoadAction, StageInputs and
/// CancelDownload, and gives each request exactly one answer, also when it is restarted. The work is done by <see cref="InputSource"/>.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "An actor ends in PostStop, which disposes of it.")]
public sealed class CasDownloader : TransferActor
{
    private readonly IInputRoots _roots;
    private readonly InputSource _source;

    public CasDownloader(ICasClient cas, ContentStore store, IInputRoots roots)
        : base("downloader")
    {
        _roots = roots;
        _source = new InputSource(cas, store, Disk);
        Receive<LoadAction>(OnLoadAction);
        Receive<StageInputs>(OnStageInputs);
        Receive<CancelDownload>(request => Cancel(request.Id));
    }

    /// <summary>The client, the store and the roots stay their owner's; they outlive a restart of the actor.</summary>
    public static Props CreateProps(ICasClient cas, ContentStore store, IInputRoots roots) =>
        Props.Create(() => new CasDownloader(cas, store, roots)).WithDispatcher(WorkerHocon.StepsDispatcher);

    protected override void PostStop()
    {
        base.PostStop();
        _source.Dispose();
    }

    private protected override object Failed(AttemptId id, Fault fault) => new DownloadFailed(id, fault);

    private void OnLoadAction(LoadAction request) => Hold(request.Id, async stop =>
    {
        var (action, command) = await _source.LoadActionAsync(request.Action, stop);
        return new ActionLoaded(request.Id, action, command);
    });

    private void OnStageInputs(StageInputs request) => Hold(request.Id, async stop =>
    {
        var root = await request.Directory.StageAsync(path => _roots.MaterialiseAsync(request.InputRoot, path, _source, stop));
        WorkerMetrics.RecordInputRoot(root.Materialiser, root.Cached);
        return new InputsStaged(request.Id, root);
    });
}
