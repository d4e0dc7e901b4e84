using NativeLink.Actors.Cas.Channels;

namespace NativeLink.Actors.Worker.Operations;

/// <summary>Which results are remembered where (protos/README.md 4.8).</summary>
public sealed record UploadResultOptions
{
    public ResultStrategy ActionCacheStrategy { get; init; } = ResultStrategy.Never;

    /// <summary>Null with strategy Never, or when the local cluster's own cache is used in the process.</summary>
    public GrpcStoreOptions? ActionCache { get; init; }

    public ResultStrategy HistoricalStrategy { get; init; } = ResultStrategy.FailuresOnly;

    /// <summary>Null: the CAS.</summary>
    public GrpcStoreOptions? HistoricalStore { get; init; }

    public string SuccessMessageTemplate { get; init; } = "";

    public string FailureMessageTemplate { get; init; } = "";
}
