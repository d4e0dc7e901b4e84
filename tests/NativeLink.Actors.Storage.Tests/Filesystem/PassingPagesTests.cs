using System.Globalization;
using NativeLink.Actors.Storage.Hashing;

namespace NativeLink.Actors.Storage.Tests.Filesystem;

public class PassingPagesTests
{
    private const int Megabyte = 1 << 20;
    private const int Size = (int)PassingPages.HugeBytes + (20 * Megabyte) + 17;

    [Fact]
    public void A_huge_blob_is_what_was_written_and_after_it_was_read_its_pages_are_gone()
    {
        using var fixture = new StoreFixture();
        var content = Blobs.Numbered(1, Size);
        var digest = Blobs.DigestOf(content);
        using (var writer = fixture.Store.BeginWrite(digest))
        {
            for (var at = 0; at < Size; at += Megabyte)
                writer.Append(content.AsSpan(at, Math.Min(Megabyte, Size - at)));
            writer.Commit();
        }
        Shell.Run($"sync {fixture.BlobPath(digest)}", "/");

        Assert.Equal(digest, FileHasher.Hash(fixture.BlobPath(digest), DigestFunction.Sha256));

        // Less than a window, where pages can be dropped at all and somebody can count them.
        if (OnDisk(fixture.Directory.Path) && Resident(fixture.BlobPath(digest)) is { } resident)
            Assert.InRange(resident, 0, 16 * Megabyte);
    }

    private static bool OnDisk(string path) =>
        Shell.Run("stat -f -c %T .", path).Output.Trim() is "ext2/ext3" or "xfs" or "btrfs";

    private static long? Resident(string path)
    {
        var (code, output) = Shell.Run($"fincore -b -n -r -o RES {path}", "/");
        return code == 0 ? long.Parse(output.Trim(), CultureInfo.InvariantCulture) : null;
    }
}
