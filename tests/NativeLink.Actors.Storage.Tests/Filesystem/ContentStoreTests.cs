using Grpc.Core;
using NativeLink.Actors.Protocol.Hashing;
using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Storage.Hashing;

namespace NativeLink.Actors.Storage.Tests.Filesystem;

public class ContentStoreTests
{
    [Fact]
    public void NL_154_A_blob_is_there_again_after_a_restart_under_its_name_and_read_only()
    {
        using var fixture = new StoreFixture();
        var digest = fixture.Store.Put("kept");
        fixture.Reopen();

        Assert.True(fixture.Store.Contains(digest));
        Assert.Equal("kept"u8.ToArray(), fixture.Store.Read(digest));
        Assert.Equal("kept", File.ReadAllText(fixture.BlobPath(digest)));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead,
            File.GetUnixFileMode(fixture.BlobPath(digest)));
        Assert.Equal((4096, 1), fixture.Store.Usage);
    }

    [Fact]
    public void NL_157_NL_158_NL_159_An_open_blob_reads_to_its_end_after_it_was_evicted()
    {
        using var fixture = new StoreFixture(static options => options with { MaxCount = 1 });
        var content = Blobs.Numbered(1, 100_000);
        var digest = fixture.Store.Put(content);
        using var reader = fixture.Store.TryOpenRead(digest)!;
        var half = new byte[50_000];
        Assert.Equal(50_000, RandomAccess.Read(reader, half, 0));

        fixture.Store.Put("the one that stays");

        Assert.Equal(50_000, RandomAccess.Read(reader, half, 50_000));
        Assert.Equal(content[50_000..], half);
        Assert.False(File.Exists(fixture.BlobPath(digest)));
        Assert.False(fixture.Store.Contains(digest));
        Assert.Empty(fixture.TempFiles);
    }

    [Fact]
    public void NL_161_A_write_that_cannot_be_put_into_place_fails_and_leaves_nothing()
    {
        using var fixture = new StoreFixture();
        Directory.Delete(fixture.Directory.At("content"), recursive: true);
        var digest = Blobs.DigestOf("lost"u8.ToArray());

        var fault = Assert.Throws<FaultException>(() => fixture.Store.Put(digest, "lost"u8)).Fault;

        Assert.Equal(FaultKind.Storage, fault.Kind);
        Assert.False(fixture.Store.Contains(digest));
        Assert.Empty(fixture.TempFiles);
        Assert.NotNull(fixture.Store.CheckHealth());
    }

    [Fact]
    public void NL_164_The_empty_blob_is_always_there_and_has_no_file()
    {
        using var fixture = new StoreFixture();
        var empty = Digest.Empty(DigestFunction.Sha256);
        fixture.Store.Put(empty, []);
        using (var writer = fixture.Store.BeginWrite(empty))
            writer.Commit();

        Assert.True(fixture.Store.Contains(empty));
        Assert.True(fixture.Store.Contains(Digest.Empty(DigestFunction.Blake3)));
        Assert.Null(fixture.Store.TryOpenRead(empty));
        Assert.Equal((0, 0), fixture.Store.Usage);
        using var lease = fixture.Store.TryLease(empty);
        Assert.NotNull(lease);
    }

    [Fact]
    public void NL_165_A_write_that_is_given_up_leaves_nothing()
    {
        using var fixture = new StoreFixture();
        var digest = Blobs.DigestOf("never finished"u8.ToArray());
        using (var writer = fixture.Store.BeginWrite(digest))
            writer.Append("never"u8);

        Assert.False(fixture.Store.Contains(digest));
        Assert.Empty(fixture.TempFiles);
    }

    [Theory]
    [InlineData("short", "shor")]
    [InlineData("same length", "Same length")]
    [InlineData("long", "longer")]
    public void Bytes_that_are_not_those_of_the_digest_are_refused_as_data_loss(string wanted, string sent)
    {
        using var fixture = new StoreFixture();
        var digest = Blobs.DigestOf(Blobs.Bytes(wanted));

        var fault = Assert.Throws<FaultException>(() =>
        {
            using var writer = fixture.Store.BeginWrite(digest);
            writer.Append(Blobs.Bytes(sent));
            writer.Commit();
        }).Fault;
        Assert.Equal((FaultKind.Storage, StatusCode.DataLoss), (fault.Kind, fault.Code));
        Assert.Equal(StatusCode.DataLoss,
            Assert.Throws<FaultException>(() => fixture.Store.Put(digest, Blobs.Bytes(sent))).Fault.Code);
        Assert.False(fixture.Store.Contains(digest));
        Assert.Empty(fixture.TempFiles);
    }

    [Theory]
    [InlineData(DigestFunction.Sha256)]
    [InlineData(DigestFunction.Blake3)]
    public void Pieces_that_are_hashed_while_they_are_written_are_checked_all_the_same(DigestFunction function)
    {
        using var fixture = new StoreFixture();
        var content = new byte[1_000_000];
        new Random(7).NextBytes(content);
        var digest = BlobHasher.Compute(content, function);
        using (var writer = fixture.Store.BeginWrite(digest))
        {
            writer.Append(content.AsSpan(0, 1000));
            writer.Append(content.AsSpan(1000, 700_000));
            writer.Append(content.AsSpan(701_000));
            writer.Commit();
        }
        Assert.Equal(content, fixture.Store.Read(digest));

        content[^1] ^= 1;
        var other = BlobHasher.Compute(content, function);
        content[500_000] ^= 1;
        using var wrong = fixture.Store.BeginWrite(other);
        wrong.Append(content);
        Assert.Equal(StatusCode.DataLoss, Assert.Throws<FaultException>(wrong.Commit).Fault.Code);
    }

    [Fact]
    public void NL_166_NL_178_A_file_deleted_behind_the_stores_back_is_forgotten_with_a_warning_when_it_is_read()
    {
        using var fixture = new StoreFixture();
        var digest = fixture.Store.Put("stolen");
        File.Delete(fixture.BlobPath(digest));

        Assert.Null(fixture.Store.TryOpenRead(digest));
        Assert.False(fixture.Store.Contains(digest));
        Assert.Equal((0, 0), fixture.Store.Usage);
        Assert.Contains(digest.ToString(), Assert.Single(fixture.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void NL_167_Sizes_are_accounted_in_whole_blocks()
    {
        using var fixture = new StoreFixture();
        fixture.Store.Put(new byte[1024]);
        Assert.Equal(4096, fixture.Store.Usage.Bytes);
        fixture.Store.Put(new byte[5 * 1024]);
        Assert.Equal(4096 + 8192, fixture.Store.Usage.Bytes);
        fixture.Reopen();
        Assert.Equal((4096 + 8192, 2), fixture.Store.Usage);
    }

    [Fact]
    public void NL_168_A_whole_file_is_moved_into_the_store_with_its_inode()
    {
        using var fixture = new StoreFixture();
        var path = fixture.Directory.At("output");
        File.WriteAllText(path, "made by an action");
        var inode = Shell.Run("stat -c %i output", fixture.Directory.Path).Output;
        var digest = FileHasher.Hash(path, DigestFunction.Sha256);

        fixture.Store.Adopt(path, digest);

        Assert.False(File.Exists(path));
        Assert.Equal(inode, Shell.Run($"stat -c %i {fixture.BlobPath(digest)}", "/").Output);
        Assert.Equal("444\n", Shell.Run($"stat -c %a {fixture.BlobPath(digest)}", "/").Output);
    }

    [Fact]
    public void A_file_with_another_name_is_copied_into_the_store_so_that_nobody_can_change_the_blob()
    {
        using var fixture = new StoreFixture();
        var (path, other) = (fixture.Directory.At("output"), fixture.Directory.At("other"));
        File.WriteAllText(path, "shared");
        Shell.Run("ln output other", fixture.Directory.Path);
        var digest = FileHasher.Hash(path, DigestFunction.Sha256);
        fixture.Store.Adopt(path, digest);
        File.WriteAllText(other, "changed later");

        Assert.Equal("shared"u8.ToArray(), fixture.Store.Read(digest));
        Assert.False(File.Exists(path));
        Assert.Equal(
            StatusCode.DataLoss, Assert.Throws<FaultException>(() => fixture.Store.Adopt(other, digest)).Fault.Code);
    }

    [Fact]
    public void NL_171_Health_is_that_of_the_directories()
    {
        using var fixture = new StoreFixture();
        Assert.Null(fixture.Store.CheckHealth());
        Directory.Delete(fixture.Directory.At("content", "d"));
        Assert.Contains("not a directory any more", fixture.Store.CheckHealth()!.Detail, StringComparison.Ordinal);
        File.WriteAllText(fixture.Directory.At("file"), "");
        var error = Assert.Throws<FaultException>(() => ContentStore.Open(
            new ContentStoreOptions(fixture.Directory.At("file"), fixture.Directory.At("temp")), TimeProvider.System));
        Assert.Contains("content_path", error.Fault.Detail, StringComparison.Ordinal);
        Assert.Throws<FaultException>(
            () => ContentStore.Open(new ContentStoreOptions("relative", "/tmp/x"), TimeProvider.System));
    }

    [Fact]
    public void NL_176_NL_177_The_same_content_is_not_written_twice_and_other_content_is_another_blob()
    {
        using var fixture = new StoreFixture();
        var digest = fixture.Store.Put("same");
        var inode = Shell.Run($"stat -c %i {fixture.BlobPath(digest)}", "/").Output;
        fixture.Store.Put("same");
        Assert.Equal(inode, Shell.Run($"stat -c %i {fixture.BlobPath(digest)}", "/").Output);
        Assert.NotEqual(digest, fixture.Store.Put("Same"));
        Assert.Equal(2, fixture.Store.Usage.Count);
    }

    [Fact]
    public async Task NL_153_NL_180_Two_hundred_writers_at_once_and_a_restart_lose_nothing()
    {
        using var fixture = new StoreFixture();
        var contents = Enumerable.Range(0, 200).Select(static i => Blobs.Numbered(i, 1000 + (i * 37))).ToList();
        await Parallel.ForEachAsync(contents, new ParallelOptions { MaxDegreeOfParallelism = 16 }, (content, _) =>
        {
            using var writer = fixture.Store.BeginWrite(Blobs.DigestOf(content));
            foreach (var piece in content.Chunk(500))
                writer.Append(piece);
            writer.Commit();
            return ValueTask.CompletedTask;
        });
        fixture.Reopen();

        Assert.Equal(200, fixture.Store.Usage.Count);
        Assert.All(contents, content => Assert.Equal(content, fixture.Store.Read(Blobs.DigestOf(content))));
        Assert.Equal(200, fixture.Store.Digests.Count);
        Assert.Empty(fixture.TempFiles);
    }

    [Fact]
    public void A_blake3_blob_and_a_sha256_blob_live_side_by_side_and_survive_a_restart()
    {
        using var fixture = new StoreFixture();
        var blake = BlobHasher.Compute("two names"u8, DigestFunction.Blake3);
        fixture.Store.Put(blake, "two names"u8);
        var sha = fixture.Store.Put("two names");
        fixture.Reopen();

        Assert.True(fixture.Store.Contains(blake));
        Assert.True(fixture.Store.Contains(sha));
        Assert.True(fixture.Store.Verify(blake));
        Assert.Equal(0, fixture.Store.VerifySample(10, new Random(1)));
        Assert.Equal(2, fixture.Store.Usage.Count);
    }

    [Fact]
    public void NL_183_Dropping_the_page_cache_is_off_by_default_and_harmless_when_on()
    {
        Assert.False(new ContentStoreOptions("/a", "/b").EvictPageCache);
        using var fixture = new StoreFixture(static options => options with { EvictPageCache = true });
        var content = Blobs.Numbered(3, 300_000);
        Assert.Equal(content, fixture.Store.Read(fixture.Store.Put(content)));
    }

    [Fact]
    public void A_store_without_a_stamp_is_read_and_one_of_a_newer_layout_is_refused_in_one_sentence()
    {
        using var fixture = new StoreFixture();
        var digest = fixture.Store.Put("of an earlier version");
        var stamp = fixture.Directory.At("content", ".format");
        Assert.Equal("1", File.ReadAllText(stamp));
        File.Delete(stamp);
        fixture.Reopen();
        Assert.True(fixture.Store.Contains(digest));
        Assert.Equal("1", File.ReadAllText(stamp));

        fixture.Store.Dispose();
        File.WriteAllText(stamp, "2");
        var refused = Assert.Throws<FaultException>(fixture.OpenAnother).Message;
        Assert.Contains("layout '2'", refused, StringComparison.Ordinal);
        Assert.Contains(fixture.Directory.At("content"), refused, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refused);
    }
}
