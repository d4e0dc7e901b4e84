using Grpc.Core;
using NativeLink.Actors.Cas;
using NativeLink.Actors.Storage.Filesystem;

namespace NativeLink.Actors.LocalCluster.BlobAccess;

/// <summary>Reads of blobs that fit into memory.</summary>
internal static class BlobReads
{
    /// <summary>The whole blob, or null when it is not here.</summary>
    /// <exception cref="RpcException">INTERNAL: the file is shorter than its name says.</exception>
    public static byte[]? TryReadAll(ContentStore store, in Digest digest)
    {
        if (digest.IsEmpty)
            return [];
        using var file = store.TryOpenRead(digest);
        if (file is null)
            return null;
        var bytes = GC.AllocateUninitializedArray<byte>(checked((int)digest.SizeBytes));
        for (var at = 0; at < bytes.Length;)
        {
            var read = RandomAccess.Read(file, bytes.AsSpan(at), at);
            if (read == 0)
                throw new RpcException(
                    new Status(StatusCode.Internal, $"blob {digest} ends after {at} bytes in the store"));
            at += read;
        }
        return bytes;
    }

    /// <summary>
    /// A message kept as a blob; null when it is not here, too large, or something else
    /// (protos/README.md 2.6: reported as not found).
    /// </summary>
    public static T? TryReadMessage<T>(ContentStore store, in Digest digest, Google.Protobuf.MessageParser<T> parser)
        where T : class, Google.Protobuf.IMessage<T>
    {
        if (digest.SizeBytes > CasLimits.ProtobufBytes || TryReadAll(store, digest) is not { } bytes)
            return null;
        return WireMessages.TryParse(parser, bytes, out var message, out _) ? message : null;
    }
}
