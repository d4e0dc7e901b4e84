namespace NativeLink.Actors.Protocol.Hashing;

/// <summary>BLAKE3 in managed code with the processor's vector instructions; needs nothing of the system.</summary>
internal sealed class Blake3Hasher : BlobHasher
{
    // A mutable value type: its state would be copied with it.
    private Blake3.Hasher _hash = Blake3.Hasher.New();
    private long _length;

    /// <summary>The hash of bytes that are in memory as a whole; <paramref name="hash"/> is 32 bytes.</summary>
    public static void Hash(ReadOnlySpan<byte> content, Span<byte> hash) => Blake3.Hasher.Hash(content, hash);

    public override void Append(ReadOnlySpan<byte> data)
    {
        _hash.Update(data);
        _length += data.Length;
    }

    public override Digest Finish()
    {
        Span<byte> bytes = stackalloc byte[Digest.HashLength];
        _hash.Finalize(bytes);
        _hash.Reset();
        var length = _length;
        _length = 0;
        return Digest.FromHash(bytes, length, DigestFunction.Blake3);
    }

    protected override void Dispose(bool disposing)
    {
        _hash.Dispose();
        base.Dispose(disposing);
    }
}
