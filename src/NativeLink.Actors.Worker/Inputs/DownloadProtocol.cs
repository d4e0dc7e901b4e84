using NativeLink.Actors.Storage.Materialisers;
using NativeLink.Actors.Storage.WorkDirectories;
using NativeLink.Actors.Worker.Transfers;

namespace NativeLink.Actors.Worker.Inputs;

/// <summary>
/// What an executor and the downloader say to each other. Every request gets exactly one answer,
/// also after a crash or a cancellation.
/// </summary>
internal static class DownloadProtocol
{
    /// <summary>Load an Action and its Command (blobs over 10 MiB are refused).</summary>
    public sealed record LoadAction(AttemptId Id, Digest Action) : ITransferRequest;

    public sealed record ActionLoaded(AttemptId Id, Reapi.Action Action, Reapi.Command Command, Digest InputRoot);

    /// <summary>
    /// Make the input root in the attempt's directory, which owns it from then on: whoever disposes
    /// of the directory disposes of the root. Then make what the command finds beside its inputs.
    /// </summary>
    /// <param name="OutputParents">Directories, relative to the root.</param>
    /// <param name="WorkingDirectory">Relative to the root; there
    /// when those above are made, or the action's fault.</param>
    public sealed record StageInputs(
        AttemptId Id, Digest InputRoot, IStagingDirectory Directory, IReadOnlyList<string> OutputParents,
        string WorkingDirectory) : ITransferRequest;

    /// <param name="WorkingDirectory">Absolute.</param>
    public sealed record InputsStaged(AttemptId Id, IInputRoot Root, string WorkingDirectory);

    /// <summary>Answers either request.</summary>
    public sealed record DownloadFailed(AttemptId Id, Fault Fault);

    /// <summary>
    /// Give up what this attempt asked for; it is answered with
    /// an Aborted fault. What others want as well goes on.
    /// </summary>
    public sealed record CancelDownload(AttemptId Id);
}
