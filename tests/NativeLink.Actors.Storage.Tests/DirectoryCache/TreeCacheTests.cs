using NativeLink.Actors.Storage.DirectoryCache;
using NativeLink.Actors.Storage.Tests.Materialisers;

namespace NativeLink.Actors.Storage.Tests.DirectoryCache;

/// <summary>Trees of the cache when something goes while they are made, and what earlier processes left.</summary>
public class TreeCacheTests
{
    private static readonly Digest Sound = Blobs.DigestOf(Blobs.Bytes("sound"));

    [Fact]
    public async Task An_unfinished_tree_goes_also_when_the_trash_holds_one_of_its_name()
    {
        using var fixture = new RootsFixture();
        var slot = fixture.Roots.CachePath;
        fixture.Roots.Dispose();
        // A container's process has the same number each time.
        foreach (var name in (string[])["new-5", "new-doomed-5", $"old/new-5-{Environment.ProcessId}", "old/1"])
            Directory.CreateDirectory(Path.Combine(slot, name, "t"));
        fixture.Reopen();
        await fixture.Roots.Idle.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Empty(Directory.GetDirectories(slot, "new-*"));
        Assert.Empty(Directory.GetDirectories(Path.Combine(slot, "old")));
    }

    [Fact]
    public async Task A_delta_whose_base_is_evicted_while_it_is_made_does_not_enter_the_cache_over_it()
    {
        using var fixture = new RootsFixture();
        (string, object)[] same = [.. Enumerable.Range(0, 40).Select(static i => ($"same {i}", (object)$"same {i}")),
            ("file", "sound")];
        (await fixture.MakeAsync(fixture.Tree.Dir([.. same, ("changed", "old")]))).Dispose();
        var spoiled = false;
        fixture.Tree.BeforeFetch = _ =>
        {
            if (!spoiled)
                Spoil(fixture);
            spoiled = true;
            return Task.CompletedTask;
        };

        using var made = await fixture.MakeAsync(fixture.Tree.Dir([.. same, ("changed", "new")]));

        Assert.Equal(("sound", "new"),
            (File.ReadAllText(Path.Combine(made.Path, "file")), File.ReadAllText(Path.Combine(made.Path, "changed"))));
        Assert.Equal(RootsFixture.OverlayWorks ? 1 : 0, fixture.Roots.CacheUsage.Count);
    }

    [Fact]
    public void A_tree_that_was_made_while_a_blob_was_found_corrupt_does_not_enter_the_cache()
    {
        using var temp = new TempDirectory();
        using var cache = new TreeCache(new DirectoryCacheSettings(temp.At("cache"), temp.At("scratch")),
            TimeProvider.System);
        var record = new TreeRecord { Boot = cache.Boot, Base = null, Bytes = 5, Paths = [], Nodes = [] };
        var before = cache.Corruptions;
        Assert.Empty(cache.PinAllAfterCorruption());
        Assert.Null(cache.TryInsert(Sound, cache.NewTemporary(), record, null, before));
        Assert.NotNull(cache.TryInsert(Sound, cache.NewTemporary(), record, null, cache.Corruptions));
        Assert.Equal(1, cache.Usage.Count);
    }

    [Fact]
    public async Task A_tree_that_is_made_twice_stays_where_the_first_was_put()
    {
        using var temp = new TempDirectory();
        using var cache = new TreeCache(new DirectoryCacheSettings(temp.At("cache"), temp.At("scratch")),
            TimeProvider.System);
        var record = new TreeRecord { Boot = cache.Boot, Base = null, Bytes = 5, Paths = [], Nodes = [] };
        var first = cache.TryInsert(Sound, cache.NewTemporary(), record, null, cache.Corruptions)!;
        var place = first.Path;
        Assert.Same(first, cache.TryInsert(Sound, cache.NewTemporary(), record, null, cache.Corruptions));
        Assert.Equal((place, 2, false), (first.Path, first.Pins, cache.HasEvicted(first)));
        Assert.True(Directory.Exists(first.Tree));
        Assert.Equal((1, 5), cache.Usage);
        await cache.Idle.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Empty(Directory.GetDirectories(cache.SlotPath, "new-*"));
    }

    [SkippableFact]
    public async Task A_tree_that_is_dropped_before_it_is_mounted_is_made_anew()
    {
        RootsFixture.Needs("overlay");
        using var fixture = new RootsFixture();
        var root = fixture.Tree.Dir(("file", "sound"), ("other", "file"));
        (await fixture.MakeAsync(root)).Dispose();
        for (var i = 0; i < 300; i++)
        {
            Shell.Run($"chmod u+w {fixture.Store.BlobPath(Sound)}; printf broke > {fixture.Store.BlobPath(Sound)}",
                "/");
            using var start = new Barrier(2);
            var spoiling = Task.Run(() =>
            {
                start.SignalAndWait();
                // Drops the tree, unless it has been made anew already.
                fixture.Store.Store.Verify(Sound);
            });
            var making = Task.Run(() =>
            {
                start.SignalAndWait();
                return fixture.MakeAsync(root);
            });
            await spoiling;
            using var made = await making;
            Assert.True(File.Exists(Path.Combine(made.Path, "other")));
        }
        await fixture.Roots.Idle.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Equal(0, fixture.Roots.PinnedTrees);
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(2, false)]
    public async Task What_an_ended_process_left_in_the_cache_goes_when_nobody_has_used_it_for_an_hour(
        int hours, bool stays)
    {
        using var fixture = new RootsFixture();
        var other = fixture.Open("scratch-2");
        (await other.MaterialiseAsync(fixture.Tree.Dir(("file", "x")), fixture.NewDestination(), fixture.Tree,
            CancellationToken.None)).Dispose();
        var left = other.CachePath;
        Assert.EndsWith("slot-1", left, StringComparison.Ordinal);
        other.Dispose();
        var trees = Path.Combine(left, "trees");
        foreach (var path in (string[])[Path.Combine(left, ".lock"), trees,
            .. Directory.GetFiles(trees, "record", SearchOption.AllDirectories)])
            File.SetLastWriteTimeUtc(path, TimeProvider.System.GetUtcNow().UtcDateTime.AddHours(-hours));

        fixture.Reopen();

        Assert.Equal(stays, Directory.Exists(trees));
        await fixture.Roots.Idle.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Empty(Directory.GetDirectories(Path.Combine(fixture.Roots.CachePath, "old")));
        using var third = fixture.Open("scratch-2");
        Assert.Equal(left, third.CachePath);
    }

    [Fact]
    public async Task Who_makes_trees_faster_than_they_are_deleted_waits()
    {
        using var temp = new TempDirectory();
        using var deletions = new DeletionQueue(temp.At("trash"), null, threads: 0);
        for (var i = 0; i < DeletionQueue.Bound; i++)
        {
            Assert.True(deletions.ThrottleAsync().IsCompleted);
            Directory.CreateDirectory(temp.At("tree"));
            deletions.Enqueue(temp.At("tree"));
        }
        Assert.False(deletions.ThrottleAsync().IsCompleted);
        using var next = new DeletionQueue(temp.At("trash"), null);
        await next.ThrottleAsync().WaitAsync(TimeSpan.FromSeconds(30));
    }

    private static void Spoil(RootsFixture fixture)
    {
        var path = fixture.Store.BlobPath(Sound);
        Shell.Run($"chmod u+w {path}; printf broke > {path}", "/");
        Assert.False(fixture.Store.Store.Verify(Sound));
    }
}
