using NativeLink.Actors.Protocol.Hashing;
using NativeLink.Actors.Storage.Hashing;

namespace NativeLink.Actors.Storage.Tests.Hashing;

public class FileHasherTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4095)]
    [InlineData(4096)]
    [InlineData(1 << 20)]
    [InlineData((3 << 20) + 17)]
    public void A_file_hashes_as_its_bytes_do(int size)
    {
        using var directory = new TempDirectory();
        var bytes = Blobs.Numbered(size, size);
        File.WriteAllBytes(directory.At("file"), bytes);

        Assert.Equal(BlobHasher.Compute(bytes, DigestFunction.Sha256),
            FileHasher.Hash(directory.At("file"), DigestFunction.Sha256));
        using var handle = File.OpenHandle(directory.At("file"));
        Assert.Equal(size, FileHasher.Hash(handle, DigestFunction.Sha256).SizeBytes);
    }
}
