using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using NativeLink.Actors.Cas;
using NativeLink.Actors.Protocol.Hashing;

namespace NativeLink.Actors.Worker.Operations;

/// <summary>
/// An action that does next to nothing, the same each time: it shows whether this machine and its stores bring one to
/// its end.
/// </summary>
internal static class TrialAction
{
    private const DigestFunction Function = DigestFunction.Sha256;

    /// <summary>Brings it to the CAS.</summary>
    /// <exception cref="FaultException">Storage: the CAS does not
    /// take it, or says afterwards that it lacks it.</exception>
    public static async Task<Digest> SendAsync(ICasClient cas, CancellationToken cancellation)
    {
        var directory = Blob(new Reapi.Directory());
        var command = Blob(new Reapi.Command { Arguments = { "/bin/sh", "-c", "echo trial" } });
        var action = Blob(new Reapi.Action
        {
            CommandDigest = command.Digest.ToWire(),
            InputRootDigest = directory.Digest.ToWire(),
            Timeout = Duration.FromTimeSpan(TimeSpan.FromSeconds(20)),
            DoNotCache = true,
        });
        (Digest Digest, ReadOnlyMemory<byte> Data)[] blobs = [command, action];
        var refused = await cas.TryWriteBatchAsync(blobs, cancellation).ConfigureAwait(false);
        if (refused.Count > 0)
            throw new FaultException(refused.Values.First());
        Digest[] sent = [command.Digest, action.Digest];
        if (await cas.FindMissingAsync(sent, cancellation).ConfigureAwait(false) is [var missing, ..])
            throw new FaultException(FaultKind.Storage, $"the CAS has taken {missing} and does not have it");
        return action.Digest;
    }

    private static (Digest Digest, ReadOnlyMemory<byte> Data) Blob(IMessage message)
    {
        var bytes = message.ToByteArray();
        return (BlobHasher.Compute(bytes, Function), bytes);
    }
}
