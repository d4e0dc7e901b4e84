using NativeLink.Actors.Protocol.Hashing;

namespace NativeLink.Actors.Storage.Tests.Hashing;

public class BlobHasherTests
{
    [Theory]
    [InlineData(DigestFunction.Sha256, "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    [InlineData(DigestFunction.Sha256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")]
    [InlineData(DigestFunction.Blake3, "123 ", "3f488ba478fc6716c756922c9f34ebd7e84b85c3e03e33e22e7a3736cafdc6d8")]
    [InlineData(DigestFunction.Blake3, "foo-stdout ",
        "af1720193ae81515067a3ef39f0dfda3ad54a1a9d216e55d32fe5c1e178c6a7d")]
    [InlineData(DigestFunction.Blake3, "bar-stderr  ",
        "65e0abbae32a3aedaf040b654c6f02ace03c7690c17a8415a90fc2ec9c809a16")]
    [InlineData(DigestFunction.Blake3, "", "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262")]
    public void NL_017_Known_contents_have_their_known_hashes(DigestFunction function, string content, string hash)
    {
        var bytes = Blobs.Bytes(content);
        Assert.Equal(Digest.Parse(hash, bytes.Length, function), BlobHasher.Compute(bytes, function));
    }

    /// <summary>
    /// Around the sizes at which the tree of chunks (1,024 bytes)
    /// and the vector code change their way, whole and in pieces.
    /// </summary>
    [Theory]
    [InlineData(1)]
    [InlineData(63)]
    [InlineData(1023)]
    [InlineData(1024)]
    [InlineData(1025)]
    [InlineData(2049)]
    [InlineData(8 << 10)]
    [InlineData((8 << 10) + 1)]
    [InlineData((16 << 10) - 1)]
    [InlineData(65_537)]
    [InlineData(300_000)]
    [InlineData((1 << 20) + 3)]
    public void Blake3_hashes_as_another_implementation_does(int size)
    {
        var bytes = Blobs.Numbered(size, size);
        var other = new Org.BouncyCastle.Crypto.Digests.Blake3Digest(Digest.HashLength * 8);
        other.BlockUpdate(bytes);
        var hash = new byte[Digest.HashLength];
        other.DoFinal(hash);
        var expected = Digest.FromHash(hash, size, DigestFunction.Blake3);
        Assert.Equal(expected, BlobHasher.Compute(bytes, DigestFunction.Blake3));
        using var hasher = BlobHasher.Create(DigestFunction.Blake3);
        foreach (var piece in (int[])[1 + (size / 3), 777, size])
        {
            foreach (var part in bytes.Chunk(piece))
                hasher.Append(part);
            Assert.Equal(expected, hasher.Finish());
        }
    }

    [Fact]
    public void A_hasher_starts_over_after_each_digest()
    {
        using var hasher = BlobHasher.Create(DigestFunction.Sha256);
        hasher.Append(Blobs.Bytes("first"));
        var first = hasher.Finish();
        hasher.Append(Blobs.Bytes("first"));
        Assert.Equal(first, hasher.Finish());
        Assert.Throws<NotSupportedException>(() => BlobHasher.Create((DigestFunction)5));
    }
}
