using NativeLink.Actors.Worker.Outputs;

namespace NativeLink.Actors.Worker.Operations;

/// <summary>Which results are remembered where, and the message that tells where (protos/README.md 4.8).</summary>
internal static class ResultPolicy
{
    /// <summary>What to write before the result leaves; null when nothing is to be written.</summary>
    public static PublishPlan? Plan(
        UploadResultOptions options, bool doNotCache, Digest action, Reapi.ExecuteResponse response)
    {
        var clean = (response.Status?.Code ?? 0) == 0;
        var success = response.Result.ExitCode == 0;
        // REAPI: a result with a status error, or of an action marked do_not_cache, must not enter the action cache.
        var cached = clean && !doNotCache && Applies(options.ActionCacheStrategy, success);
        var remembered = Applies(options.HistoricalStrategy, success && clean);
        if (!cached && !remembered)
            return null;
        return new PublishPlan(
            action,
            cached ? response.Result : null,
            remembered
                ? new Wire.HistoricalExecuteResponse { ActionDigest = action.ToWire(), ExecuteResponse = response }
                : null);
    }

    /// <summary>The message of a response, from the template that fits; empty when nothing was written.</summary>
    public static string Message(
        UploadResultOptions options, Reapi.ExecuteResponse response, Digest action, Published? published)
    {
        if (published is not { } written || (!written.ActionCacheWritten && written.Historical is null))
            return "";
        var success = response.Result.ExitCode == 0 && (response.Status?.Code ?? 0) == 0;
        var template = success ? options.SuccessMessageTemplate : options.FailureMessageTemplate;
        return template
            .Replace("{digest_function}", action.Function.LowerName(), StringComparison.Ordinal)
            .Replace("{action_digest_hash}", action.Hash, StringComparison.Ordinal)
            .Replace("{action_digest_size}", Size(action), StringComparison.Ordinal)
            .Replace("{historical_results_hash}", written.Historical?.Hash ?? "", StringComparison.Ordinal)
            .Replace("{historical_results_size}", written.Historical is { } record ? Size(record) : "",
                StringComparison.Ordinal);
    }

    /// <summary>What was written before the result.</summary>
    internal readonly record struct Published(bool ActionCacheWritten, Digest? Historical);

    private static bool Applies(ResultStrategy strategy, bool success) => strategy switch
    {
        ResultStrategy.SuccessOnly => success,
        ResultStrategy.FailuresOnly => !success,
        ResultStrategy.Everything => true,
        _ => false,
    };

    private static string Size(in Digest digest) =>
        digest.SizeBytes.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
