using System.Security.Cryptography;
using Org.BouncyCastle.Crypto.Digests;

namespace NativeLink.Actors.Testing.Workers;

/// <summary>Digests without any code of the product: for what a test expects.</summary>
public static class Hashes
{
    public static Digest Of(ReadOnlySpan<byte> content, DigestFunction function)
    {
        if (function == DigestFunction.Sha256)
            return Digest.FromHash(SHA256.HashData(content), content.Length, function);
        var hash = new byte[Digest.HashLength];
        var blake3 = new Blake3Digest(hash.Length * 8);
        blake3.BlockUpdate(content);
        blake3.DoFinal(hash, 0);
        return Digest.FromHash(hash, content.Length, function);
    }
}
