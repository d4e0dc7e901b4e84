using System.Collections.Immutable;
using Grpc.Core;

namespace NativeLink.Actors.Cas.Channels;

/// <summary>How calls are repeated (<c>retry</c>, protos/README.md 2.9 and 5.5).</summary>
/// <param name="MaxRetries">0: no retry.</param>
/// <param name="Delay">The n-th delay is Delay × 2^n, give or take half of Jitter × delay.</param>
public sealed record RetryOptions(int MaxRetries = 0, TimeSpan Delay = default, double Jitter = 0)
{
    /// <summary>
    /// Empty: CANCELLED, UNKNOWN, DEADLINE_EXCEEDED,
    /// RESOURCE_EXHAUSTED, ABORTED, INTERNAL, UNAVAILABLE, DATA_LOSS.
    /// </summary>
    public ImmutableArray<StatusCode> RetryOn { get; init; } = [];
}
