using System.Text;
using NativeLink.Actors.Protocol.Hashing;
using NativeLink.Actors.Storage.Filesystem;

namespace NativeLink.Actors.Storage.Tests;

/// <summary>Blobs for tests.</summary>
internal static class Blobs
{
    public static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    public static Digest DigestOf(byte[] content) => BlobHasher.Compute(content, DigestFunction.Sha256);

    /// <summary>Bytes that differ with the number.</summary>
    public static byte[] Numbered(int number, int size)
    {
        var bytes = new byte[size];
        new Random(number).NextBytes(bytes);
        return bytes;
    }

    public static Digest Put(this ContentStore store, string text) => store.Put(Bytes(text));

    public static Digest Put(this ContentStore store, byte[] content)
    {
        var digest = DigestOf(content);
        store.Put(digest, content);
        return digest;
    }

    public static byte[]? Read(this ContentStore store, Digest digest)
    {
        using var file = store.TryOpenRead(digest);
        if (file is null)
            return null;
        var bytes = new byte[RandomAccess.GetLength(file)];
        return RandomAccess.Read(file, bytes, 0) == bytes.Length ? bytes : null;
    }
}
