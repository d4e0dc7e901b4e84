using NativeLink.Actors.Worker.Transfers;
namespace NativeLink.Actors.Worker.Outputs;

/// <summary>What an executor and the uploader say to each other. Every request gets exactly one answer.</summary>
internal static class UploadProtocol
{
    /// <summary>Find the outputs, hash them, and bring what the CAS lacks there.</summary>
    public sealed record Upload(AttemptId Id, UploadPlan Plan) : ITransferRequest;

    /// <summary>
    /// All blobs are durable in the CAS. The result holds outputs
    /// and the digests of stdout and stderr, nothing else.
    /// </summary>
    public sealed record Uploaded(AttemptId Id, Reapi.ActionResult Outputs);

    /// <summary>
    /// Write what is to be remembered of this action before
    /// its result leaves: action cache and historical record.
    /// </summary>
    public sealed record Publish(AttemptId Id, PublishPlan Plan) : ITransferRequest;

    /// <summary>Answers Publish, also when a write failed (that is logged only).</summary>
    /// <param name="Historical">The digest of the historical record, if one was written.</param>
    public sealed record Published(AttemptId Id, bool ActionCacheWritten, Digest? Historical);

    /// <summary>Answers either request.</summary>
    public sealed record UploadFailed(AttemptId Id, Fault Fault);

    /// <summary>Give up what this attempt asked for; it is answered with an Aborted fault.</summary>
    public sealed record CancelUpload(AttemptId Id);
}

/// <summary>Where outputs may be and how they are to be told.</summary>
/// <param name="Root">Absolute path of the input root; nothing outside is ever an output, but for
/// the targets of absolute links (protos/README.md 4.6).</param>
/// <param name="Command">Says which paths count, relative to its working directory.</param>
/// <param name="StdoutPath">Spool file.</param>
/// <param name="StderrPath">Spool file.</param>
/// <param name="UpperLayerPath">Absolute path of an output: the path that can be renamed into the
/// local store in its place; null when it has to be copied.</param>
internal sealed record UploadPlan(
    string Root,
    Reapi.Command Command,
    DigestFunction DigestFunction,
    string StdoutPath,
    string StderrPath,
    Func<string, string?> UpperLayerPath);

/// <param name="ActionCache">Null when no entry is to be written.</param>
/// <param name="Historical">Null when no record is to be kept.</param>
internal sealed record PublishPlan(
    Digest Action, Reapi.ActionResult? ActionCache, Wire.HistoricalExecuteResponse? Historical);
