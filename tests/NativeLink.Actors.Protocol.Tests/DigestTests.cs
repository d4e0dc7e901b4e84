namespace NativeLink.Actors.Protocol.Tests;

public sealed class DigestTests
{
    private const string Hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    [Fact]
    public void A_digest_is_printed_and_sent_in_lower_case_whatever_case_it_came_in()
    {
        var digest = Digest.Parse(Hash.ToUpperInvariant(), 7, DigestFunction.Sha256);
        Assert.Equal(Hash, digest.Hash);
        Assert.Equal($"{Hash}/7", digest.ToString());
        Assert.Equal(new Reapi.Digest { Hash = Hash, SizeBytes = 7 }, digest.ToWire());
    }

    [Theory]
    [InlineData("BAD_HASH", 3)]
    [InlineData("", 0)]
    [InlineData("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85", 3)]
    [InlineData("g3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", 3)]
    [InlineData(Hash, -1)]
    public void NL_325_What_is_no_digest_is_refused_and_shown(string hash, long size)
    {
        Assert.False(Digest.TryParse(hash, size, DigestFunction.Sha256, out _));
        var wire = new Reapi.Digest { Hash = hash, SizeBytes = size };
        var error = Assert.Throws<FormatException>(() => Digest.FromWire(wire, DigestFunction.Sha256, "the action"));
        Assert.Contains($"'{hash}/{size}'", error.Message, StringComparison.Ordinal);
        Assert.Contains("the action", error.Message, StringComparison.Ordinal);
        Assert.Contains(hash, Assert.Throws<FormatException>(
            () => Digest.Parse(hash, size, DigestFunction.Sha256)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_absent_digest_is_said_to_be_missing()
    {
        Assert.False(Digest.TryFromWire(null, DigestFunction.Sha256, out _));
        var error = Assert.Throws<FormatException>(() => Digest.FromWire(null, DigestFunction.Sha256, "the command"));
        Assert.Equal("the digest of the command is missing", error.Message);
    }

    [Fact]
    public void Function_size_and_every_byte_of_the_hash_make_a_digest()
    {
        var digest = Digest.Parse(Hash, 1, DigestFunction.Sha256);
        Assert.Equal(digest, Digest.Parse(Hash, 1, DigestFunction.Sha256));
        Assert.NotEqual(digest, Digest.Parse(Hash, 2, DigestFunction.Sha256));
        Assert.NotEqual(digest, Digest.Parse(Hash, 1, DigestFunction.Blake3));
        var bytes = Convert.FromHexString(Hash);
        for (var i = 0; i < bytes.Length; i++)
        {
            bytes[i] ^= 1;
            Assert.NotEqual(digest, Digest.FromHash(bytes, 1, DigestFunction.Sha256));
            bytes[i] ^= 1;
        }
        Assert.Equal(digest, Digest.FromHash(bytes, 1, DigestFunction.Sha256));
    }

    [Fact]
    public void Digests_are_ordered_by_hash_and_then_by_size()
    {
        var low = Digest.Parse(new string('0', 64), 9, DigestFunction.Sha256);
        var high = Digest.Parse(new string('f', 64), 1, DigestFunction.Sha256);
        Assert.True(low < high && high > low && low <= high && high >= low);
        Assert.True(low.CompareTo(Digest.Parse(low.Hash, 10, DigestFunction.Sha256)) < 0);
        Assert.Equal(0, low.CompareTo(low));
    }

    [Fact]
    public void A_hash_of_another_length_or_a_negative_size_cannot_become_a_digest()
    {
        Assert.Throws<ArgumentException>(() => Digest.FromHash(new byte[20], 1, DigestFunction.Sha256));
        Assert.Throws<ArgumentOutOfRangeException>(() => Digest.FromHash(new byte[32], -1, DigestFunction.Sha256));
    }

    [Fact]
    public void The_empty_blob_has_the_well_known_digest_of_each_function()
    {
        Assert.Equal($"{Hash}/0", Digest.Empty(DigestFunction.Sha256).ToString());
        Assert.Equal("af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262/0",
            Digest.Empty(DigestFunction.Blake3).ToString());
        Assert.True(Digest.Empty(DigestFunction.Blake3).IsEmpty);
    }

    [Fact]
    public void Only_the_hash_of_no_bytes_makes_a_digest_of_size_0_the_empty_one()
    {
        Assert.False(Digest.Parse(new string('a', 64), 0, DigestFunction.Sha256).IsEmpty);
        Assert.False(Digest.Parse(Digest.Empty(DigestFunction.Blake3).Hash, 0, DigestFunction.Sha256).IsEmpty);
        Assert.False(Digest.Parse(Digest.Empty(DigestFunction.Sha256).Hash, 0, DigestFunction.Blake3).IsEmpty);
        Assert.False(Digest.Parse(Digest.Empty(DigestFunction.Sha256).Hash, 1, DigestFunction.Sha256).IsEmpty);
        Assert.False(default(Digest).IsEmpty);
    }

    [Fact]
    public void Function_and_size_are_kept_side_by_side()
    {
        var largest = Digest.Parse(Hash, long.MaxValue, DigestFunction.Blake3);
        Assert.Equal((long.MaxValue, DigestFunction.Blake3), (largest.SizeBytes, largest.Function));
        Assert.NotEqual(largest, Digest.Parse(Hash, long.MaxValue, DigestFunction.Sha256));
        Assert.Equal(40, System.Runtime.CompilerServices.Unsafe.SizeOf<Digest>());
    }

    [Fact]
    public void Digests_that_differ_in_any_one_word_have_different_hash_codes()
    {
        var codes = new HashSet<int>();
        for (var at = 0; at < Digest.HashLength; at++)
        {
            for (var value = 1; value < 256; value++)
            {
                var hash = new byte[Digest.HashLength];
                hash[at] = (byte)value;
                codes.Add(Digest.FromHash(hash, 5, DigestFunction.Sha256).GetHashCode());
            }
        }
        // One pair in some hundred runs may meet by chance.
        Assert.InRange(codes.Count, (255 * Digest.HashLength) - 2, 255 * Digest.HashLength);
    }
}
