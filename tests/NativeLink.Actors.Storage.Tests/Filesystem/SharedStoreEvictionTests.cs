using NativeLink.Actors.Storage.Filesystem;

namespace NativeLink.Actors.Storage.Tests.Filesystem;

/// <summary>Two openers of one store, which is what two processes are to each other.</summary>
public class SharedStoreEvictionTests
{
    // So late that no use of a file, which the kernel notes with its own clock, is recent.
    private static readonly DateTimeOffset LongAfter = new(2100, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Two_openers_of_one_store_see_each_others_blobs_and_evict_once()
    {
        using var fixture = new StoreFixture(static options => options with { MaxBytes = 64 * 4096 });
        using var other = fixture.OpenAnother();
        var mine = fixture.Store.Put("mine");
        Assert.True(other.Contains(mine));
        Assert.Equal("mine"u8.ToArray(), other.Read(mine));

        Parallel.For(0, 300, new ParallelOptions { MaxDegreeOfParallelism = 4 }, i => (i % 2 == 0 ? fixture.Store : other).Put($"blob {i}"));

        var left = Directory.GetFiles(fixture.Directory.At("content", "d"));
        // Each may be a thirty-second of the limit behind what the other has written.
        Assert.InRange(left.Length, 50, 72);
        Assert.All(left, path => Assert.Equal(Path.GetFileName(path), $"{Blobs.DigestOf(File.ReadAllBytes(path)).Hash}-{new FileInfo(path).Length}"));
        Assert.Empty(fixture.TempFiles);
    }

    [Fact]
    public void What_another_has_leased_stays_until_the_lease_ends()
    {
        using var fixture = new StoreFixture(static options => options with { MaxCount = 4 }, new ManualTime(LongAfter));
        var old = fixture.Store.Put("leased before there was another");
        var oldLease = fixture.Store.TryLease(old)!;
        using var other = fixture.OpenAnother();
        var (late, written) = (fixture.Store.Put("leased later"), Blobs.Bytes("leased as it is written"));
        var leases = new[] { oldLease, fixture.Store.TryLease(late)!, fixture.Store.PutLeased(Blobs.DigestOf(written), written) };
        var held = new[] { old, late, Blobs.DigestOf(written) };

        Fill(other, "first");

        Assert.All(held, digest => Assert.True(File.Exists(fixture.BlobPath(digest))));
        foreach (var lease in leases)
            lease.Dispose();
        Fill(other, "second");
        Assert.All(held, digest => Assert.False(File.Exists(fixture.BlobPath(digest))));
        Assert.Equal(4, Directory.GetFiles(fixture.Directory.At("content", "d")).Length);
    }

    [Fact]
    public void Of_two_leases_of_a_blob_the_last_one_counts_for_others_too()
    {
        using var fixture = new StoreFixture(static options => options with { MaxCount = 4 }, new ManualTime(LongAfter));
        using var other = fixture.OpenAnother();
        var digest = fixture.Store.Put("wanted twice");
        var (first, second) = (fixture.Store.TryLease(digest)!, fixture.Store.PutLeased(digest, Blobs.Bytes("wanted twice")));
        first.Dispose();
        Fill(other, "first");
        Assert.True(File.Exists(fixture.BlobPath(digest)));
        second.Dispose();
        Fill(other, "second");
        Assert.False(File.Exists(fixture.BlobPath(digest)));
    }

    [Fact]
    public void A_lease_of_what_another_has_evicted_is_refused()
    {
        using var fixture = new StoreFixture(static options => options with { MaxCount = 2 }, new ManualTime(LongAfter));
        using var other = fixture.OpenAnother();
        var digest = fixture.Store.Put("evicted by the other");
        Fill(other, "other");

        Assert.False(File.Exists(fixture.BlobPath(digest)));
        Assert.Null(fixture.Store.TryLease(digest));
        Assert.Empty(fixture.Warnings);
    }

    [Fact]
    public void What_another_has_used_a_moment_ago_is_spared_while_there_is_anything_else()
    {
        using var fixture = new StoreFixture(static options => options with { MaxCount = 4 });
        using var other = fixture.OpenAnother();
        var digest = fixture.Store.Put("just used");
        Fill(other, "other");
        Assert.True(File.Exists(fixture.BlobPath(digest)));
    }

    [Fact]
    public void What_others_have_left_behind_counts_when_they_are_gone()
    {
        using var fixture = new StoreFixture(static options => options with { MaxBytes = 64 * 4096 });
        var other = fixture.OpenAnother();
        fixture.Store.Put("mine");
        for (var i = 0; i < 60; i++)
            other.Put($"other {i}");
        other.TryLinkTo(other.Put("tool"), executable: true, fixture.Directory.At("tool"));
        other.Dispose();
        for (var i = 0; i < 60; i++)
            fixture.Store.Put($"mine {i}");

        Assert.InRange(Directory.GetFiles(fixture.Directory.At("content", "d")).Length, 50, 64);
        Assert.Equal(fixture.Store.Digests.Count, Directory.GetFiles(fixture.Directory.At("content", "d")).Length);
    }

    private static void Fill(ContentStore store, string name)
    {
        for (var i = 0; i < 10; i++)
            store.Put($"{name} {i}");
    }
}
