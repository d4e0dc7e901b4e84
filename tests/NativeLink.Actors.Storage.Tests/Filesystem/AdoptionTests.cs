using Grpc.Core;

namespace NativeLink.Actors.Storage.Tests.Filesystem;

/// <summary>What becomes a blob is what was hashed, whoever still has the file.</summary>
public class AdoptionTests
{
    private static readonly byte[] Good = Blobs.Bytes("GOOD");

    [Fact]
    public void A_file_that_is_open_for_writing_is_copied_and_its_writer_changes_nothing()
    {
        using var fixture = new StoreFixture();
        var path = fixture.Directory.At("out");
        using var writer = new FileStream(path, FileMode.Create, FileAccess.ReadWrite,
            FileShare.ReadWrite | FileShare.Delete, 0);
        writer.Write(Good);
        var digest = Blobs.DigestOf(Good);

        fixture.Store.Adopt(path, digest);
        writer.Seek(0, SeekOrigin.Begin);
        writer.Write("EVIL"u8);

        Assert.Equal(Good, fixture.Store.Read(digest));
        Assert.False(File.Exists(path));
        Assert.Empty(fixture.TempFiles);
    }

    [Fact]
    public void A_file_that_is_mapped_for_writing_is_copied()
    {
        using var fixture = new StoreFixture();
        var path = fixture.Directory.At("out");
        File.WriteAllBytes(path, Good);
        using var map = System.IO.MemoryMappedFiles.MemoryMappedFile.CreateFromFile(
            path, FileMode.Open, null, 0, System.IO.MemoryMappedFiles.MemoryMappedFileAccess.ReadWrite);
        using var view = map.CreateViewAccessor(0, 4);
        var digest = Blobs.DigestOf(Good);

        fixture.Store.Adopt(path, digest);
        view.WriteArray(0, "EVIL"u8.ToArray(), 0, 4);

        Assert.Equal(Good, fixture.Store.Read(digest));
    }

    [Fact]
    public void A_file_with_another_name_is_copied()
    {
        using var fixture = new StoreFixture();
        var (path, other) = (fixture.Directory.At("out"), fixture.Directory.At("other"));
        File.WriteAllBytes(path, Good);
        Shell.Run("ln out other", fixture.Directory.Path);
        var digest = Blobs.DigestOf(Good);

        fixture.Store.Adopt(path, digest);
        File.WriteAllText(other, "EVIL");

        Assert.Equal(Good, fixture.Store.Read(digest));
    }

    [Fact]
    public void A_file_that_nobody_else_has_is_taken_as_it_is()
    {
        using var fixture = new StoreFixture();
        var path = fixture.Directory.At("out");
        File.WriteAllBytes(path, Good);
        var inode = Shell.Run("stat -c %i out", fixture.Directory.Path).Output;
        var digest = Blobs.DigestOf(Good);

        fixture.Store.Adopt(path, digest);

        Assert.Equal(inode, Shell.Run($"stat -c %i {fixture.BlobPath(digest)}", "/").Output);
        Assert.Equal("444", Shell.Run($"stat -c %a {fixture.BlobPath(digest)}", "/").Output.Trim());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_file_that_was_changed_after_it_was_hashed_is_refused_and_nothing_stays(bool hasWriter)
    {
        using var fixture = new StoreFixture();
        var path = fixture.Directory.At("out");
        File.WriteAllText(path, "EVIL");
        using var writer = hasWriter
            ? new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete)
            : null;
        var digest = Blobs.DigestOf(Good);

        var fault = Assert.Throws<FaultException>(() => fixture.Store.Adopt(path, digest)).Fault;

        Assert.Equal(StatusCode.DataLoss, fault.Code);
        Assert.Contains("something still writes to it", fault.Detail, StringComparison.Ordinal);
        Assert.False(fixture.Store.Contains(digest));
        Assert.Empty(fixture.TempFiles);
    }

    [Fact]
    public void The_copy_of_a_file_is_hashed_and_not_the_file()
    {
        using var fixture = new StoreFixture();
        var path = fixture.Directory.At("out");
        File.WriteAllText(path, "EVIL");
        using var handle = File.OpenHandle(path);
        var digest = Blobs.DigestOf(Good);

        Assert.Equal(StatusCode.DataLoss,
            Assert.Throws<FaultException>(() => fixture.Store.CopyFrom(handle, digest)).Fault.Code);
        Assert.False(fixture.Store.Contains(digest));
        Assert.Empty(fixture.TempFiles);
    }

    [Fact]
    public void A_blob_of_size_0_with_another_hash_is_never_here()
    {
        using var fixture = new StoreFixture();
        var bogus = Digest.Parse(new string('a', 64), 0, DigestFunction.Sha256);
        File.WriteAllText(fixture.BlobPath(bogus), "");

        Assert.False(fixture.Store.Contains(bogus));
        Assert.Null(fixture.Store.TryLease(bogus));
        Assert.False(fixture.Store.TryLinkTo(bogus, executable: false, fixture.Directory.At("link")));
        Assert.Throws<FaultException>(() => fixture.Store.Put(bogus, []));
        fixture.Reopen();
        Assert.False(fixture.Store.Contains(bogus));
    }
}
