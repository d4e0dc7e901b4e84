using NativeLink.Actors.Storage.Hashing;

namespace NativeLink.Actors.Storage.Tests.Filesystem;

public class BlobLinksTests
{
    [Fact]
    public void An_executable_copy_without_its_blob_goes_at_the_next_start_or_when_that_is_noticed()
    {
        using var fixture = new StoreFixture();
        var (killed, removed, stays) = (fixture.Store.Put("killed"), fixture.Store.Put("removed"),
            fixture.Store.Put("stays"));
        foreach (var digest in new[] { killed, removed, stays })
            Assert.True(fixture.Store.TryLinkTo(digest, executable: true, fixture.Directory.At(digest.Hash)));
        File.Delete(fixture.BlobPath(removed));
        Assert.Null(fixture.Store.TryOpenRead(removed));
        Assert.False(File.Exists(fixture.ExecutableCopyPath(removed)));

        // A process that ended between the two.
        File.Delete(fixture.BlobPath(killed));
        fixture.Reopen();
        Assert.False(File.Exists(fixture.ExecutableCopyPath(killed)));
        Assert.True(File.Exists(fixture.ExecutableCopyPath(stays)));
        Assert.Equal((8192, 1), fixture.Store.Usage);
    }

    [Fact]
    public void NL_147_NL_172_A_plain_input_is_the_blobs_inode_and_an_executable_one_a_copy_made_once()
    {
        using var fixture = new StoreFixture();
        var digest = fixture.Store.Put("#!/bin/sh\necho hi");
        foreach (var (name, executable) in (ReadOnlySpan<(string, bool)>)[("plain", false), ("first", true),
            ("second", true)])
            Assert.True(fixture.Store.TryLinkTo(digest, executable, fixture.Directory.At(name)));

        var inodes = Shell.Run(
            $"stat -c %i plain {fixture.BlobPath(digest)} first second {fixture.ExecutableCopyPath(digest)}",
            fixture.Directory.Path).Output.Split('\n');
        Assert.Equal(inodes[0], inodes[1]);
        Assert.NotEqual(inodes[0], inodes[2]);
        Assert.Equal(inodes[2], inodes[3]);
        Assert.Equal(inodes[2], inodes[4]);
        Assert.Equal("444 555\n", Shell.Run("echo $(stat -c %a plain first)", fixture.Directory.Path).Output);
        Assert.Equal((8192, 1), fixture.Store.Usage);
        fixture.Reopen();
        Assert.Equal((8192, 1), fixture.Store.Usage);
    }

    [Fact]
    public void NL_173_Without_a_directory_for_executable_copies_plain_blobs_still_work_and_executables_say_why_not()
    {
        using var fixture = new StoreFixture();
        var digest = fixture.Store.Put("tool");
        File.WriteAllText(fixture.Directory.At("content.exec"), "in the way");

        var fault = Assert.Throws<FaultException>(
            () => fixture.Store.TryLinkTo(digest, executable: true, fixture.Directory.At("tool"))).Fault;

        Assert.Equal(Grpc.Core.StatusCode.FailedPrecondition, fault.Code);
        Assert.True(fixture.Store.TryLinkTo(digest, executable: false, fixture.Directory.At("plain")));
        Assert.Empty(fixture.TempFiles);
    }

    [Fact]
    public void NL_148_NL_174_NL_179_The_executable_copy_goes_with_its_blob_and_links_to_it_stay_as_they_were()
    {
        using var fixture = new StoreFixture(static options => options with { MaxCount = 1 });
        var digest = fixture.Store.Put("tool");
        fixture.Store.TryLinkTo(digest, executable: true, fixture.Directory.At("tool"));
        fixture.Store.Put("newer");

        Assert.False(File.Exists(fixture.ExecutableCopyPath(digest)));
        Assert.Equal(
            "555 tool", Shell.Run("echo $(stat -c %a tool) $(cat tool)", fixture.Directory.Path).Output.Trim());
        Assert.False(fixture.Store.Delete(digest));
        Assert.False(fixture.Store.TryLinkTo(digest, executable: true, fixture.Directory.At("again")));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_blob_or_executable_copy_with_as_many_links_as_the_file_system_takes_gets_a_second_inode(
        bool executable)
    {
        using var fixture = new StoreFixture();
        var digest = fixture.Store.Put("popular");
        Assert.True(fixture.Store.TryLinkTo(digest, executable, fixture.Directory.At("first")));
        var path = executable ? fixture.ExecutableCopyPath(digest) : fixture.BlobPath(digest);
        var (code, _) = Shell.Run($"python3 -c \"import os\nfor i in range(66000): os.link('{path}', 'l%d' % i)\"",
            fixture.Directory.Path);
        var (before, usage) = (Shell.Run($"stat -c %i {path}", "/").Output, fixture.Store.Usage);

        Assert.True(fixture.Store.TryLinkTo(digest, executable, fixture.Directory.At("one more")));

        Assert.Equal($"popular {(executable ? 555 : 444)}",
            Shell.Run("echo $(cat 'one more') $(stat -c %a 'one more')", fixture.Directory.Path).Output.Trim());
        Assert.Equal(usage, fixture.Store.Usage);
        // Where the file system takes more links than were made, there is no need for another inode.
        var after = Shell.Run($"stat -c %i {path}", "/").Output;
        var isFull = code != 0 && Directory.GetFiles(fixture.Directory.Path, "l*").Length > 60_000;
        Assert.Equal(isFull, before != after);
    }

    [Fact]
    public void A_link_to_another_file_system_becomes_a_copy()
    {
        using var fixture = new StoreFixture();
        using var elsewhere = new TempDirectory("/dev/shm");
        var digest = fixture.Store.Put("far away");

        Assert.True(fixture.Store.TryLinkTo(digest, executable: true, elsewhere.At("copy")));
        Assert.Equal("555 far away", Shell.Run("echo $(stat -c %a copy) $(cat copy)", elsewhere.Path).Output.Trim());

        File.WriteAllText(elsewhere.At("output"), "from far away");
        var output = FileHasher.Hash(elsewhere.At("output"), DigestFunction.Sha256);
        fixture.Store.Adopt(elsewhere.At("output"), output);
        Assert.Equal("from far away"u8.ToArray(), fixture.Store.Read(output));
        Assert.False(File.Exists(elsewhere.At("output")));
    }

    [Fact]
    public void A_private_copy_has_the_wanted_mode_and_can_be_changed_without_harm()
    {
        using var fixture = new StoreFixture();
        var digest = fixture.Store.Put("original");
        Assert.True(fixture.Store.TryCopyTo(digest, fixture.Directory.At("copy"),
            UnixFileMode.UserRead | UnixFileMode.UserWrite));
        File.WriteAllText(fixture.Directory.At("copy"), "changed");
        Assert.Equal("original"u8.ToArray(), fixture.Store.Read(digest));
        Assert.False(fixture.Store.TryCopyTo(Blobs.DigestOf([9]), fixture.Directory.At("none"), UnixFileMode.UserRead));
    }

    [Fact]
    public void A_sparse_file_stays_sparse_in_copies()
    {
        using var fixture = new StoreFixture();
        Shell.Run(
            "truncate -s 64M sparse && printf end | dd of=sparse bs=1 seek=33554432 conv=notrunc 2>/dev/null && ln " +
            "sparse other", fixture.Directory.Path);
        var digest = FileHasher.Hash(fixture.Directory.At("sparse"), DigestFunction.Sha256);
        fixture.Store.Adopt(fixture.Directory.At("sparse"), digest);
        fixture.Store.TryCopyTo(digest, fixture.Directory.At("copy"), UnixFileMode.UserRead);

        Assert.Equal(digest, FileHasher.Hash(fixture.Directory.At("copy"), DigestFunction.Sha256));
        var blocks = Shell.Run($"stat -c %b copy {fixture.BlobPath(digest)}", fixture.Directory.Path).Output.Trim()
            .Split('\n').Select(long.Parse);
        Assert.All(blocks, static count => Assert.InRange(count, 1, 2048));
    }
}
