using System.Collections.Immutable;
using Grpc.Core;

namespace NativeLink.Actors.Cas;

/// <summary>The faults of blobs that are not there, or not what they should be.</summary>
internal static class MissingBlobs
{
    private const int Named = 20;

    public static Fault One(Digest digest) =>
        new(FaultKind.Missing, $"blob {digest} is not in the CAS") { Code = StatusCode.NotFound, Missing = [digest] };

    /// <summary>One fault for all of them; the text names the first twenty.</summary>
    public static Fault Fault(string what, IEnumerable<Digest> missing)
    {
        var all = missing.Distinct().Order().ToImmutableArray();
        var names = string.Join(", ", all.Take(Named));
        var rest = all.Length > Named ? $" and {all.Length - Named} more" : "";
        return new Fault(FaultKind.Missing, $"{what}: not in the CAS: {names}{rest}; upload again")
        {
            Code = StatusCode.NotFound,
            Missing = all,
        };
    }

    public static Fault Corrupt(Digest digest) =>
        new(FaultKind.Storage,
            $"the CAS delivered bytes that are not those of blob {digest}, twice; remove the blob there")
        {
            Code = StatusCode.DataLoss,
        };
}
