using System.Collections.Immutable;
using Google.Protobuf;
using Grpc.Core;
using NativeLink.Actors.Cas;
using NativeLink.Actors.LocalCluster.Requests;
using NativeLink.Actors.LocalCluster.Scheduling;
using NativeLink.Actors.LocalCluster.Scheduling.Queueing;

namespace NativeLink.Actors.LocalCluster.Services;

/// <summary>
/// Reads what an Execute call refers to and says at once what is wrong with it: INVALID_ARGUMENT
/// for what can never run, FAILED_PRECONDITION with one MISSING violation a blob for what the
/// client has to upload (protos/README.md 3.14). A blob that cannot be decoded counts as missing.
/// </summary>
internal sealed class ExecuteCheck(IActionSource actions, PropertyRules rules, ImmutableArray<string> instances)
{
    private static readonly TimeSpan LongestTimeout = TimeSpan.FromDays(365);

    /// <returns>What is to be scheduled; if it may be joined, its result may come from the action cache too.</returns>
    /// <exception cref="RpcException">The call is refused.</exception>
    public async ValueTask<Submission> RunAsync(Reapi.ExecuteRequest request, CancellationToken cancellation)
    {
        RequestChecks.Instance(instances, request.InstanceName);
        var function = RequestChecks.Function(request.DigestFunction);
        var digest = Checked(request.ActionDigest, function, "the action");
        var action = await ReadAsync(digest, Reapi.Action.Parser, cancellation)
            ?? throw MissingBlobsError.Create([digest]);
        var command = await CheckInputsAsync(action, function, cancellation);
#pragma warning disable CS0612 // Older clients put the platform into the Command only.
        var platform = action.Platform ?? command.Platform;
#pragma warning restore CS0612
        return new Submission(
            new ActionKey(request.InstanceName, digest),
            RequirementsOf(platform),
            request.ExecutionPolicy?.Priority ?? 0,
            TimeoutOf(action),
            request.SkipCacheLookup,
            Joinable: !request.SkipCacheLookup && !action.DoNotCache);
    }

    private async ValueTask<Reapi.Command> CheckInputsAsync(
        Reapi.Action action, DigestFunction function, CancellationToken cancellation)
    {
        var commandDigest = Checked(action.CommandDigest, function, "the action's command");
        var rootDigest = Checked(action.InputRootDigest, function, "the action's input root");
        var command = await ReadAsync(commandDigest, Reapi.Command.Parser, cancellation);
        var missing = await actions.FindMissingAsync([rootDigest], cancellation);
        if (command is not null && missing.Count == 0)
            return command;
        throw MissingBlobsError.Create(command is null ? [commandDigest, .. missing] : missing);
    }

    private async ValueTask<T?> ReadAsync<T>(Digest digest, MessageParser<T> parser, CancellationToken cancellation)
        where T : class, IMessage<T>
    {
        if (await actions.ReadAsync(digest, cancellation) is not { } bytes)
            return null;
        return WireMessages.TryParse(parser, bytes.Span, out var message, out _) ? message : null;
    }

    private PlatformRequirements RequirementsOf(Reapi.Platform? platform)
    {
        try
        {
            return rules.ReadAction(platform);
        }
        catch (FormatException error)
        {
            throw RequestChecks.Invalid(error.Message);
        }
    }

    private static Digest Checked(Reapi.Digest? wire, DigestFunction function, string what)
    {
        var digest = RequestChecks.Digest(wire, function, what);
        const long Most = CasLimits.ProtobufBytes;
        return digest.SizeBytes <= Most
            ? digest
            : throw RequestChecks.Invalid($"{what} has {digest.SizeBytes} bytes: more than {Most} are not read");
    }

    /// <summary>
    /// For the scheduler's own clock. A timeout that is
    /// zero, negative or malformed is the worker's to judge.
    /// </summary>
    private static TimeSpan? TimeoutOf(Reapi.Action action)
    {
        if (action.Timeout is not { Seconds: >= 0, Nanos: >= 0 and < 1_000_000_000 } timeout
            || timeout is { Seconds: 0, Nanos: 0 })
            return null;
        return timeout.Seconds >= LongestTimeout.TotalSeconds ? LongestTimeout : timeout.ToTimeSpan();
    }
}
