using System.Collections.Immutable;
using Grpc.Core;
using Polly;
using Polly.Retry;

namespace NativeLink.Actors.Cas.Channels;

/// <summary>Repeats calls as a store's <c>retry</c> block says (protos/README.md 2.9 and 5.5).</summary>
internal sealed class RpcRetry
{
    private static readonly ImmutableArray<StatusCode> UsualCodes =
    [
        StatusCode.Cancelled, StatusCode.Unknown, StatusCode.DeadlineExceeded, StatusCode.ResourceExhausted,
        StatusCode.Aborted, StatusCode.Internal, StatusCode.Unavailable, StatusCode.DataLoss,
    ];

    /// <summary>
    /// Repeated whatever the configuration says: a server on gRPC's C core that narrows its window
    /// while data is on its way to it takes that for a breach of the protocol and resets the stream
    /// (seen with 1.51: "frame of size 16384 overflows local window of 0"). Nobody has refused
    /// anything.
    /// </summary>
    private const int MostResets = 3;

    // RFC 9113, section 7.
    private const long ProtocolError = 1, FlowControlError = 3;

    private static readonly TimeSpan LongestDelay = TimeSpan.FromMinutes(1);

    private readonly ImmutableArray<StatusCode> _codes;
    private readonly RetryOptions _options;
    private readonly Random _random;
    private readonly ResiliencePipeline _pipeline;

    public RpcRetry(RetryOptions options, TimeProvider time, Random random)
    {
        (_options, _random) = (options, random);
        _codes = options.RetryOn.IsDefaultOrEmpty ? UsualCodes : options.RetryOn;
        var pipeline = new ResiliencePipelineBuilder { TimeProvider = time };
        if (options.MaxRetries > 0)
        {
            pipeline.AddRetry(new RetryStrategyOptions
            {
                MaxRetryAttempts = options.MaxRetries,
                ShouldHandle = arguments => ValueTask.FromResult(
                    arguments.Outcome.Exception is RpcException rpc && Covers(rpc.StatusCode)),
                DelayGenerator = arguments => ValueTask.FromResult<TimeSpan?>(DelayBefore(arguments.AttemptNumber + 1)),
            });
        }
        _pipeline = pipeline
            .AddRetry(new RetryStrategyOptions
            {
                MaxRetryAttempts = MostResets,
                Delay = TimeSpan.Zero,
                ShouldHandle = arguments => ValueTask.FromResult(
                    arguments.Outcome.Exception is RpcException rpc && IsReset(rpc)),
            })
            .Build();
    }

    /// <summary>Whether a call that ended with this code may be made again.</summary>
    public bool Covers(StatusCode code) => _codes.Contains(code);

    public async Task<T> RunAsync<T>(Func<int, Task<T>> call, CancellationToken cancellation)
    {
        var attempt = 0;
        return await _pipeline.ExecuteAsync(async _ => await call(attempt++), cancellation);
    }

    private static bool IsReset(RpcException error)
    {
        for (var inner = error.Status.DebugException; inner is not null; inner = inner.InnerException)
        {
            if (inner is HttpProtocolException { ErrorCode: ProtocolError or FlowControlError })
                return true;
        }
        return false;
    }

    /// <summary>Delay × 2^n, give or take half of Jitter × delay; at most a minute.</summary>
    internal TimeSpan DelayBefore(int retry)
    {
        var delay = _options.Delay.TotalSeconds * Math.Pow(2, Math.Min(retry, 30));
        double chance;
        lock (_random)
            chance = _random.NextDouble();
        var seconds = delay * (1 + (_options.Jitter * (chance - 0.5)));
        return TimeSpan.FromSeconds(Math.Clamp(seconds, 0, LongestDelay.TotalSeconds));
    }
}
