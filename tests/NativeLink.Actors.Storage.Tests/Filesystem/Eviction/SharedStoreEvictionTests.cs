using System.Diagnostics;
using Microsoft.Extensions.Time.Testing;
using NativeLink.Actors.Storage.Filesystem;

namespace NativeLink.Actors.Storage.Tests.Filesystem.Eviction;

/// <summary>Two openers of one store, which is what two processes are to each other.</summary>
public class SharedStoreEvictionTests
{
    [Fact]
    public void An_eviction_of_another_process_that_hangs_is_waited_for_once_and_blobs_are_taken_in_all_the_same()
    {
        using var fixture = new StoreFixture(
            static options => options with { MaxBytes = 8192, LockPatience = TimeSpan.FromSeconds(1) });
        using var other = fixture.OpenAnother();
        using (DirectoryLock.TryTake(fixture.Directory.At("content", ".eviction.lock")))
        {
            var began = Stopwatch.GetTimestamp();
            var blobs = Enumerable.Range(0, 40).Select(i => fixture.Store.Put($"blob {i}")).ToList();
            // Once is a second, each time would be forty.
            Assert.InRange(Stopwatch.GetElapsedTime(began).TotalSeconds, 0.9, 20);
            Assert.All(blobs, digest => Assert.True(fixture.Store.Contains(digest)));
            Assert.False(fixture.Store.TryFreeSpace(1));
            Assert.Contains($"process {Environment.ProcessId} ", Assert.Single(fixture.Warnings),
                StringComparison.Ordinal);
        }
    }

    [SkippableFact]
    public void A_lease_is_given_also_where_its_announcement_is_not_permitted()
    {
        using var fixture = new StoreFixture();
        var (one, other) = (fixture.Store.Put("one"), fixture.Store.Put("other"));
        var board = Directory.GetFiles(fixture.Directory.At("content", ".users"), "*.leases").Single();
        Skip.IfNot(Shell.Run($"chattr +i {board}", "/").ExitCode == 0, "files cannot be made immutable here");
        try
        {
            using var first = fixture.Store.TryLease(one);
            using var second = fixture.Store.TryLease(other);
            Assert.NotNull(first);
            Assert.NotNull(second);
        }
        finally
        {
            Shell.Run($"chattr -i {board}", "/");
        }
    }

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

        Parallel.For(0, 300, new ParallelOptions { MaxDegreeOfParallelism = 4 },
            i => (i % 2 == 0 ? fixture.Store : other).Put($"blob {i}"));

        var left = Directory.GetFiles(fixture.Directory.At("content", "d"));
        // Each may be a thirty-second of the limit behind what the other has written.
        Assert.InRange(left.Length, 50, 72);
        Assert.All(
            left, path => Assert.Equal(Path.GetFileName(path),
                $"{Blobs.DigestOf(File.ReadAllBytes(path)).Hash}-{new FileInfo(path).Length}"));
        Assert.Empty(fixture.TempFiles);
    }

    [Fact]
    public void What_another_has_leased_stays_until_the_lease_ends()
    {
        using var fixture = new StoreFixture(static options => options with { MaxCount = 4 },
            new FakeTimeProvider(LongAfter));
        var old = fixture.Store.Put("leased before there was another");
        var oldLease = fixture.Store.TryLease(old)!;
        using var other = fixture.OpenAnother();
        var (late, written) = (fixture.Store.Put("leased later"), Blobs.Bytes("leased as it is written"));
        var leases = new[] { oldLease, fixture.Store.TryLease(late)!,
            fixture.Store.PutLeased(Blobs.DigestOf(written), written) };
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
        using var fixture = new StoreFixture(static options => options with { MaxCount = 4 },
            new FakeTimeProvider(LongAfter));
        using var other = fixture.OpenAnother();
        var digest = fixture.Store.Put("wanted twice");
        var (first, second) = (fixture.Store.TryLease(digest)!,
            fixture.Store.PutLeased(digest, Blobs.Bytes("wanted twice")));
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
        using var fixture = new StoreFixture(static options => options with { MaxCount = 2 },
            new FakeTimeProvider(LongAfter));
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

    [Fact]
    public void A_lease_from_before_another_came_counts_though_its_holder_does_nothing_more()
    {
        using var fixture = new StoreFixture(static options => options with { MaxCount = 4 },
            new FakeTimeProvider(LongAfter));
        var old = fixture.Store.Put("leased before there was another");
        using var lease = fixture.Store.TryLease(old);
        using var other = fixture.OpenAnother();
        Fill(other, "other");
        Assert.True(File.Exists(fixture.BlobPath(old)));
    }

    [Fact]
    public void Many_leases_at_once_count_for_others_and_what_another_has_evicted_is_missing()
    {
        using var fixture = new StoreFixture(static options => options with { MaxCount = 4 },
            new FakeTimeProvider(LongAfter));
        using var other = fixture.OpenAnother();
        var gone = fixture.Store.Put("gone");
        Fill(other, "first");
        var held = Enumerable.Range(0, 3).Select(i => fixture.Store.Put($"held {i}")).ToList();

        var lease = fixture.Store.LeaseAll([.. held, gone], out var missing);
        Fill(other, "second");

        Assert.Equal([gone], missing);
        Assert.All(held, digest => Assert.True(File.Exists(fixture.BlobPath(digest))));
        lease.Dispose();
        Fill(other, "third");
        Assert.All(held, digest => Assert.False(File.Exists(fixture.BlobPath(digest))));
    }

    [Fact]
    public void What_another_has_evicted_is_not_here_and_is_written_again()
    {
        using var fixture = new StoreFixture(static options => options with { MaxCount = 4 },
            new FakeTimeProvider(LongAfter));
        using var other = fixture.OpenAnother();
        var mine = fixture.Store.Put("mine");
        Fill(other, "first");
        Assert.False(File.Exists(fixture.BlobPath(mine)));
        Assert.False(fixture.Store.Contains(mine));
        Fill(other, "second");
        fixture.Store.Put("mine");
        Assert.True(File.Exists(fixture.BlobPath(mine)));
        Fill(other, "third");
        Assert.False(File.Exists(fixture.BlobPath(mine)));
        File.WriteAllText(fixture.Directory.At("file"), "mine");
        fixture.Store.Adopt(fixture.Directory.At("file"), mine);
        Assert.True(File.Exists(fixture.BlobPath(mine)));
    }

    [Fact]
    public void What_fails_behind_a_lease_leaves_none_behind_and_what_was_put_is_put()
    {
        using var fixture = new StoreFixture(static options => options with { MaxCount = 4 },
            new FakeTimeProvider(LongAfter));
        using var other = fixture.OpenAnother();
        var written = Enumerable.Range(0, 6).Select(static i => Blobs.Bytes($"written {i}")).ToList();
        var digests = written.ConvertAll(static content => Blobs.DigestOf(content));
        var (gate, evicting) = (fixture.Directory.At("content", ".users", ".gate"),
            fixture.Directory.At("content", ".eviction.lock"));
        foreach (var path in new[] { gate, evicting })
        {
            File.Delete(path);
            Directory.CreateDirectory(path);
        }

        var leases = written.ConvertAll(content => fixture.Store.PutLeased(Blobs.DigestOf(content), content));
        leases.Add(fixture.Store.LeaseAll(digests, out var missing));
        Assert.Empty(missing);
        leases.ForEach(static lease => lease.Dispose());
        Assert.Contains("nothing can be evicted", Assert.Single(fixture.Warnings), StringComparison.Ordinal);
        Directory.Delete(gate);
        Directory.Delete(evicting);
        Fill(fixture.Store, "mine");
        Assert.All(digests, digest => Assert.False(File.Exists(fixture.BlobPath(digest))));
        Fill(other, "other");
        Assert.Equal(4, Directory.GetFiles(fixture.Directory.At("content", "d")).Length);
    }

    [Fact]
    public void Space_is_freed_of_what_another_has_put_and_this_one_does_not_know_yet()
    {
        using var fixture = new StoreFixture(time: new FakeTimeProvider(LongAfter));
        using var other = fixture.OpenAnother();
        Fill(other, "other");
        Assert.True(fixture.Store.TryFreeSpace(1));
        Assert.InRange(Directory.GetFiles(fixture.Directory.At("content", "d")).Length, 0, 9);
    }

    private static void Fill(ContentStore store, string name)
    {
        for (var i = 0; i < 10; i++)
            store.Put($"{name} {i}");
    }
}
