using NativeLink.Actors.Storage.Trees;

namespace NativeLink.Actors.Worker.Inputs;

/// <summary>What an executor and the downloader say to each other. Every request gets exactly one answer, also after a crash or a cancellation.</summary>
public static class DownloadProtocol
{
    /// <summary>Load an Action and its Command (blobs over 10 MiB are refused).</summary>
    public sealed record LoadAction(OperationId Id, Digest Action);

    public sealed record ActionLoaded(OperationId Id, Reapi.Action Action, Reapi.Command Command);

    /// <summary>Make the input root at a path that does not exist yet and whose parent does.</summary>
    public sealed record StageInputs(OperationId Id, Digest InputRoot, string Destination);

    public sealed record InputsStaged(OperationId Id, IInputRoot Root);

    /// <summary>Answers either request.</summary>
    public sealed record DownloadFailed(OperationId Id, Fault Fault);

    /// <summary>Give up what this operation asked for; it is answered with an Aborted fault. What others want as well goes on.</summary>
    public sealed record CancelDownload(OperationId Id);
}
