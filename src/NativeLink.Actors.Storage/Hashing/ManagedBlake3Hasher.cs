using Org.BouncyCastle.Crypto.Digests;

namespace NativeLink.Actors.Storage.Hashing;

/// <summary>BLAKE3 in managed code, for machines without libblake3 (about 0.1 GB/s).</summary>
internal sealed class ManagedBlake3Hasher : BlobHasher
{
    private readonly Blake3Digest _hash = new(Digest.HashLength * 8);
    private long _length;

    public override void Append(ReadOnlySpan<byte> data)
    {
        _hash.BlockUpdate(data);
        _length += data.Length;
    }

    public override Digest Finish()
    {
        Span<byte> bytes = stackalloc byte[Digest.HashLength];
        _hash.DoFinal(bytes);
        var length = _length;
        _length = 0;
        return Digest.FromHash(bytes, length, DigestFunction.Blake3);
    }
}
