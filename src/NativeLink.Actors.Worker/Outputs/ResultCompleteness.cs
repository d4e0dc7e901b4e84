using Google.Protobuf;
using NativeLink.Actors.Cas;
using NativeLink.Actors.Protocol.Hashing;

namespace NativeLink.Actors.Worker.Outputs;

/// <summary>Whether all that a result names is in the CAS.</summary>
internal static class ResultCompleteness
{
    /// <summary>Larger ones are not read for this: the action runs anew.</summary>
    private const long LargestTree = 16 << 20;

    /// <returns>False also where an output directory's tree cannot be read.</returns>
    /// <exception cref="FaultException">Storage: the CAS does not answer.</exception>
    public static async Task<bool> CheckAsync(
        ICasClient cas, Reapi.ActionResult result, DigestFunction function, CancellationToken cancellation)
    {
        var named = new List<Digest>();
        foreach (var said in (ReadOnlySpan<Reapi.Digest?>)[result.StdoutDigest, result.StderrDigest])
            if (said is not null && !TryAdd(named, said, function))
                return false;
        foreach (var file in result.OutputFiles)
            if (!TryAdd(named, file.Digest, function))
                return false;
        foreach (var directory in result.OutputDirectories)
        {
            if (!TryAdd(named, directory.TreeDigest, function))
                return false;
            if (named[^1].SizeBytes > LargestTree
                || await ReadTreeAsync(cas, named[^1], cancellation).ConfigureAwait(false) is not { } tree
                || !TryAddFiles(named, tree, function))
                return false;
        }
        return (await cas.FindMissingAsync([.. named.Distinct()], cancellation).ConfigureAwait(false)).IsEmpty;
    }

    private static bool TryAddFiles(List<Digest> named, Reapi.Tree tree, DigestFunction function)
    {
        foreach (var directory in tree.Children.Append(tree.Root ?? new Reapi.Directory()))
            foreach (var file in directory.Files)
                if (!TryAdd(named, file.Digest, function))
                    return false;
        return true;
    }

    private static bool TryAdd(List<Digest> named, Reapi.Digest? wire, DigestFunction function)
    {
        if (!Digest.TryFromWire(wire, function, out var digest))
            return false;
        named.Add(digest);
        return true;
    }

    private static async Task<Reapi.Tree?> ReadTreeAsync(ICasClient cas, Digest digest, CancellationToken cancellation)
    {
        using var bytes = new MemoryStream();
        try
        {
            await cas.ReadAsync(digest, piece =>
            {
                bytes.Write(piece.Memory.Span);
                piece.Dispose();
                return ValueTask.CompletedTask;
            }, cancellation).ConfigureAwait(false);
        }
        catch (FaultException error) when (error.Fault.Kind == FaultKind.Missing)
        {
            return null;
        }
        var read = bytes.ToArray();
        if (BlobHasher.Compute(read, digest.Function) != digest)
            return null;
        try
        {
            return Reapi.Tree.Parser.ParseFrom(read);
        }
        catch (InvalidProtocolBufferException)
        {
            return null;
        }
    }
}
