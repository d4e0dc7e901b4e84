using System.Security.Cryptography;

namespace NativeLink.Actors.Protocol.Hashing;

/// <summary>Hashes a blob piece by piece. Not safe for several threads at once.</summary>
internal abstract class BlobHasher : IDisposable
{
    public static BlobHasher Create(DigestFunction function) => function switch
    {
        DigestFunction.Sha256 => new Sha256Hasher(),
        DigestFunction.Blake3 => new Blake3Hasher(),
        _ => throw NotServed(function),
    };

    /// <summary>Digest of bytes that are in memory as a whole.</summary>
    public static Digest Compute(ReadOnlySpan<byte> content, DigestFunction function)
    {
        Span<byte> hash = stackalloc byte[Digest.HashLength];
        switch (function)
        {
            case DigestFunction.Sha256:
                SHA256.HashData(content, hash);
                break;
            case DigestFunction.Blake3:
                Blake3Hasher.Hash(content, hash);
                break;
            default:
                throw NotServed(function);
        }
        return Digest.FromHash(hash, content.Length, function);
    }

    public abstract void Append(ReadOnlySpan<byte> data);

    /// <summary>The digest of all that was appended; the hasher starts over.</summary>
    public abstract Digest Finish();

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing)
    {
    }

    private static NotSupportedException NotServed(DigestFunction function) =>
        new($"no hasher for {function}: sha256 and blake3 are served");

    private sealed class Sha256Hasher : BlobHasher
    {
        private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        private long _length;

        public override void Append(ReadOnlySpan<byte> data)
        {
            _hash.AppendData(data);
            _length += data.Length;
        }

        public override Digest Finish()
        {
            Span<byte> bytes = stackalloc byte[Digest.HashLength];
            _hash.GetHashAndReset(bytes);
            var length = _length;
            _length = 0;
            return Digest.FromHash(bytes, length, DigestFunction.Sha256);
        }

        protected override void Dispose(bool disposing)
        {
            _hash.Dispose();
            base.Dispose(disposing);
        }
    }
}
