using Akka.Actor;
using static NativeLink.Actors.Worker.Inputs.DownloadProtocol;
using static NativeLink.Actors.Worker.Outputs.UploadProtocol;
using static NativeLink.Actors.Worker.Processes.ProcessProtocol;

namespace NativeLink.Actors.Worker.Operations;

/// <summary>A stage of an action's life, all that is said of it in one place.</summary>
/// <param name="Name">In logs and metrics.</param>
/// <param name="WaitsFor">Whom the action waits for, in words of the log.</param>
/// <param name="Limit">How long it may take at most; together the limits bound the life of an action.</param>
/// <param name="Cancel">Tells whoever works on it to stop.</param>
internal sealed record Stage(
    string Name, string WaitsFor, Func<ExecutorSettings, ActionPlan?, TimeSpan> Limit,
    Action<ExecutorPeers, AttemptId>? Cancel = null)
{
    public static readonly Stage Precondition = new(
        "precondition", "the precondition script", static (settings, _) => settings.Options.PreconditionTimeout,
        AbortRun);

    public static readonly Stage Loading = new(
        "loading", "the action and its command from the CAS", static (settings, _) => settings.Limits.Loading,
        CancelTransfer);

    public static readonly Stage Staging = new(
        "staging", "the input root", static (settings, _) => settings.Limits.Staging, CancelTransfer);

    public static readonly Stage Running = new(
        "running", "the action's process", static (_, plan) => plan!.Timeout.Limit, AbortRun);

    public static readonly Stage Uploading = new(
        "uploading", "the upload of outputs", static (settings, _) => settings.Options.MaxUploadTimeout, CancelSending);

    public static readonly Stage Publishing = new(
        "publishing", "the action cache", static (settings, _) => settings.Limits.Publishing, CancelSending);

    /// <summary>Cut short: whoever worked on it has been told, and has not answered yet.</summary>
    public static readonly Stage Ending = new("ending", "who was told to stop",
        static (settings, _) => settings.Limits.KillGrace);

    /// <summary>Answered, while somebody still works in the directory.</summary>
    public static readonly Stage Lingering = new(
        "lingering", "who was told to stop", static (settings, _) => settings.Limits.Linger);

    private static void AbortRun(ExecutorPeers peers, AttemptId id) => peers.Runner.Tell(new Abort(id));

    private static void CancelTransfer(ExecutorPeers peers, AttemptId id) =>
        peers.Downloader.Tell(new CancelDownload(id));

    private static void CancelSending(ExecutorPeers peers, AttemptId id) => peers.Uploader.Tell(new CancelUpload(id));
}
