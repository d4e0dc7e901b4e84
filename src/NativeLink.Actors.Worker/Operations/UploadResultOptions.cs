using NativeLink.Actors.Cas.Channels;

namespace NativeLink.Actors.Worker.Operations;

/// <summary>Which results are remembered where (protos/README.md 4.8).</summary>
public sealed record UploadResultOptions
{
    /// <summary>
    /// What enters the action cache; a status that is not OK and an action that says <c>do_not_cache</c> never do,
    /// whatever this is.
    /// </summary>
    public ResultStrategy ActionCacheStrategy { get; init; } = ResultStrategy.Never;

    /// <summary>Null with strategy Never, or when the local cluster's own cache is used in the process.</summary>
    public GrpcStoreOptions? ActionCache { get; init; }

    /// <summary>Of which answers a <c>HistoricalExecuteResponse</c> is written, as an ordinary blob.</summary>
    public ResultStrategy HistoricalStrategy { get; init; } = ResultStrategy.FailuresOnly;

    /// <summary>Null: the CAS.</summary>
    public GrpcStoreOptions? HistoricalStore { get; init; }

    /// <summary>
    /// <c>ExecuteResponse.message</c> of a success of which something was written; empty: none. Knows
    /// <c>{digest_function}</c>, <c>{action_digest_hash}</c>,
    /// <c>{action_digest_size}</c>, <c>{historical_results_hash}</c> and <c>{historical_results_size}</c>.
    /// </summary>
    public string SuccessMessageTemplate { get; init; } = "";

    /// <summary>Likewise for every other answer.</summary>
    public string FailureMessageTemplate { get; init; } = "";
}
