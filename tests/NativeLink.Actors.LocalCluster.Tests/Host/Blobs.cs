using Grpc.Core;
using NativeLink.Actors.Protocol.Hashing;

namespace NativeLink.Actors.LocalCluster.Tests.Host;

public static class Blobs
{
    public static Digest DigestOf(ReadOnlySpan<byte> content, DigestFunction function = DigestFunction.Sha256) =>
        BlobHasher.Compute(content, function);

    /// <summary>Bytes that do not compress, the same for the same seed.</summary>
    public static byte[] Random(int length, int seed = 1)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    public static async Task<RpcException> FailsWithAsync(StatusCode code, Func<Task> call)
    {
        var error = await Assert.ThrowsAnyAsync<RpcException>(call);
        Assert.Equal(code, error.StatusCode);
        return error;
    }
}
