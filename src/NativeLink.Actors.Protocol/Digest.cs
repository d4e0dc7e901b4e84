using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace NativeLink.Actors.Protocol;

/// <summary>
/// A content address as a value: 32 hash bytes, the length of the content
/// in bytes (0 … 2^63−1), and the function that made the hash (REAPI
/// <c>Digest</c>). Parsed once at the edge; hot paths never touch its text.
/// </summary>
[StructLayout(LayoutKind.Auto)]
public readonly record struct Digest : IComparable<Digest>
{
    /// <summary>Bytes of a hash, of every function that is served.</summary>
    public const int HashLength = 32;

    // Clients choose digests; with seeds that they do not know they cannot choose ones that fall together in a table.
    private static readonly ulong Seed1 = RandomSeed();
    private static readonly ulong Seed2 = RandomSeed();
    private static readonly ulong Seed3 = RandomSeed();
    private static readonly ulong Seed4 = RandomSeed();

    private static readonly Digest EmptySha256 =
        Parse("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", 0, DigestFunction.Sha256);

    private static readonly Digest EmptyBlake3 =
        Parse("af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262", 0, DigestFunction.Blake3);

    private readonly ulong _a;
    private readonly ulong _b;
    private readonly ulong _c;
    private readonly ulong _d;

    // Stores keep millions of digests: the function costs no word of its own. The sign bit says
    // BLAKE3; a size never has one.
    private readonly long _sizeAndFunction;

    private Digest(ReadOnlySpan<byte> hash, long sizeBytes, DigestFunction function)
    {
        _a = BinaryPrimitives.ReadUInt64BigEndian(hash);
        _b = BinaryPrimitives.ReadUInt64BigEndian(hash[8..]);
        _c = BinaryPrimitives.ReadUInt64BigEndian(hash[16..]);
        _d = BinaryPrimitives.ReadUInt64BigEndian(hash[24..]);
        _sizeAndFunction = function switch
        {
            DigestFunction.Sha256 => sizeBytes,
            DigestFunction.Blake3 => sizeBytes | long.MinValue,
            _ => throw new ArgumentOutOfRangeException(nameof(function), function,
                "not a digest function that is served"),
        };
    }

    /// <summary>Length of the content in bytes.</summary>
    public long SizeBytes => _sizeAndFunction & long.MaxValue;

    /// <summary>What made the hash; equal hashes of two functions are different digests.</summary>
    public DigestFunction Function => _sizeAndFunction < 0 ? DigestFunction.Blake3 : DigestFunction.Sha256;

    /// <summary>
    /// The content is empty: such a blob always exists and is never transferred. The size alone
    /// does not say so: a hash that is not that of no bytes names a blob that cannot exist.
    /// </summary>
    public bool IsEmpty => SizeBytes == 0 && this == Empty(Function);

    /// <summary>64 lower-case hexadecimal digits.</summary>
    public string Hash
    {
        get
        {
            Span<byte> bytes = stackalloc byte[HashLength];
            CopyHashTo(bytes);
            return Convert.ToHexStringLower(bytes);
        }
    }

    /// <summary>The digest of no bytes.</summary>
    public static Digest Empty(DigestFunction function) =>
        function == DigestFunction.Blake3 ? EmptyBlake3 : EmptySha256;

    /// <summary>A digest of 32 hash bytes, as a hash function leaves them, and the length of what was hashed.</summary>
    /// <exception cref="ArgumentException">The hash is not 32 bytes long or the size is negative.</exception>
    public static Digest FromHash(ReadOnlySpan<byte> hash, long sizeBytes, DigestFunction function)
    {
        if (hash.Length != HashLength)
            throw new ArgumentException($"a hash of {hash.Length} bytes, not {HashLength}", nameof(hash));
        ArgumentOutOfRangeException.ThrowIfNegative(sizeBytes);
        return new Digest(hash, sizeBytes, function);
    }

    /// <summary>Reads 64 hexadecimal digits of either case and a size.</summary>
    public static bool TryParse(ReadOnlySpan<char> hash, long sizeBytes, DigestFunction function, out Digest digest)
    {
        Span<byte> bytes = stackalloc byte[HashLength];
        digest = default;
        if (hash.Length != HashLength * 2 || sizeBytes < 0)
            return false;
        if (Convert.FromHexString(hash, bytes, out _, out _) != System.Buffers.OperationStatus.Done)
            return false;
        digest = new Digest(bytes, sizeBytes, function);
        return true;
    }

    /// <summary>As <see cref="TryParse"/>, for text that has to be a digest.</summary>
    /// <exception cref="FormatException">Not 64 hexadecimal digits, or a negative size; the message
    /// says which digest.</exception>
    public static Digest Parse(string hash, long sizeBytes, DigestFunction function) =>
        TryParse(hash, sizeBytes, function, out var digest)
            ? digest
            : throw new FormatException(
                $"digest '{hash}/{sizeBytes}' is malformed: 64 hexadecimal digits and a size of 0 or more are needed");

    /// <summary>Reads a wire digest; null does not parse.</summary>
    public static bool TryFromWire(Reapi.Digest? wire, DigestFunction function, out Digest digest)
    {
        digest = default;
        return wire is not null && TryParse(wire.Hash, wire.SizeBytes, function, out digest);
    }

    /// <summary>As <see cref="TryFromWire"/>, for a field that has to be there.</summary>
    /// <exception cref="FormatException">The digest is absent or malformed; the message names
    /// <paramref name="what"/>.</exception>
    public static Digest FromWire(Reapi.Digest? wire, DigestFunction function, string what) =>
        TryFromWire(wire, function, out var digest)
            ? digest
            : throw new FormatException(wire is null
                ? $"the digest of {what} is missing"
                : $"the digest of {what}, '{wire.Hash}/{wire.SizeBytes}', is malformed: " +
                    "64 hexadecimal digits and a size of 0 or more are needed");

    /// <summary>
    /// REAPI's message, a new one each time. It does not carry the function: requests have a field of their own for it.
    /// </summary>
    public Reapi.Digest ToWire() => new() { Hash = Hash, SizeBytes = SizeBytes };

    /// <summary>Writes the 32 hash bytes.</summary>
    public void CopyHashTo(Span<byte> target)
    {
        BinaryPrimitives.WriteUInt64BigEndian(target, _a);
        BinaryPrimitives.WriteUInt64BigEndian(target[8..], _b);
        BinaryPrimitives.WriteUInt64BigEndian(target[16..], _c);
        BinaryPrimitives.WriteUInt64BigEndian(target[24..], _d);
    }

    /// <summary>
    /// By the bytes of the hash, then by size: an order for stable output, which says nothing about contents. Functions
    /// do not count.
    /// </summary>
    public int CompareTo(Digest other)
    {
        var order = _a.CompareTo(other._a);
        order = order != 0 ? order : _b.CompareTo(other._b);
        order = order != 0 ? order : _c.CompareTo(other._c);
        order = order != 0 ? order : _d.CompareTo(other._d);
        return order != 0 ? order : SizeBytes.CompareTo(other.SizeBytes);
    }

    /// <summary>In the order of <see cref="CompareTo"/>.</summary>
    public static bool operator <(Digest left, Digest right) => left.CompareTo(right) < 0;

    /// <summary>In the order of <see cref="CompareTo"/>.</summary>
    public static bool operator >(Digest left, Digest right) => left.CompareTo(right) > 0;

    /// <summary>In the order of <see cref="CompareTo"/>.</summary>
    public static bool operator <=(Digest left, Digest right) => left.CompareTo(right) <= 0;

    /// <summary>In the order of <see cref="CompareTo"/>.</summary>
    public static bool operator >=(Digest left, Digest right) => left.CompareTo(right) >= 0;

    /// <summary>Of all words, and another one in each process.</summary>
    public override int GetHashCode()
    {
        var first = Fold(_a ^ Seed1, _b ^ Seed2);
        var second = Fold(_c ^ Seed3, _d ^ Seed4);
        var all = Fold(first ^ (ulong)_sizeAndFunction ^ Seed2, second ^ Seed1);
        return (int)(all ^ (all >> 32));
    }

    private static ulong RandomSeed() =>
        BinaryPrimitives.ReadUInt64LittleEndian(RandomNumberGenerator.GetBytes(sizeof(ulong)));

    private static ulong Fold(ulong left, ulong right)
    {
        var high = Math.BigMul(left, right, out var low);
        return high ^ low;
    }

    /// <summary><c>hash/size</c>, as logs and messages show it.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Hash}/{SizeBytes}");
}
