using Microsoft.Extensions.Time.Testing;
using NativeLink.Actors.Storage.Filesystem;

namespace NativeLink.Actors.Storage.Tests.Filesystem.Eviction;

public class EvictionTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public void NL_160_The_least_recently_used_go_first_down_to_the_limit_less_evict_bytes()
    {
        using var fixture = new StoreFixture(
            static options => options with { MaxBytes = 10 * 4096, EvictBytes = 3 * 4096 });
        var blobs = Enumerable.Range(0, 10).Select(i => fixture.Store.Put($"blob {i}")).ToList();
        Assert.True(fixture.Store.Contains(blobs[0]));

        fixture.Store.Put("one too many");

        Assert.Equal((7 * 4096, 7), fixture.Store.Usage);
        Assert.True(fixture.Store.Contains(blobs[0]));
        Assert.All(blobs[1..5], digest => Assert.False(File.Exists(fixture.BlobPath(digest))));
        Assert.All(blobs[5..], digest => Assert.True(File.Exists(fixture.BlobPath(digest))));
    }

    [Theory]
    [InlineData(3)]
    [InlineData(12)]
    public void A_blob_as_large_as_the_limit_is_taken_in_however_much_is_evicted_at_once(int evicted)
    {
        using var fixture = new StoreFixture(
            options => options with { MaxBytes = 10 * 4096, EvictBytes = evicted * 4096, RefusesTooLarge = true });
        var small = fixture.Store.Put("small");
        var large = fixture.Store.Put(new byte[10 * 4096]);
        Assert.Equal((true, false), (File.Exists(fixture.BlobPath(large)), File.Exists(fixture.BlobPath(small))));
        Assert.Equal(10 * 4096, fixture.Store.LargestBlobBytes);
        Assert.Throws<FaultException>(() => fixture.Store.Put(new byte[(10 * 4096) + 1]));
    }

    [Fact]
    public void The_number_of_blobs_is_bounded()
    {
        using var fixture = new StoreFixture(static options => options with { MaxCount = 3 });
        for (var i = 0; i < 10; i++)
            fixture.Store.Put($"blob {i}");
        Assert.Equal(3, fixture.Store.Usage.Count);
        Assert.Equal(3, Directory.GetFiles(fixture.Directory.At("content", "d")).Length);
    }

    [Fact]
    public void What_has_not_been_used_for_too_long_goes()
    {
        var time = new FakeTimeProvider(Start);
        using var fixture = new StoreFixture(static options => options with { MaxAge = TimeSpan.FromHours(1) }, time);
        var (old, used) = (fixture.Store.Put("old"), fixture.Store.Put("used"));
        time.Advance(TimeSpan.FromMinutes(50));
        Assert.True(fixture.Store.Contains(used));
        time.Advance(TimeSpan.FromMinutes(20));
        fixture.Store.Put("new");

        Assert.False(fixture.Store.Contains(old));
        Assert.True(fixture.Store.Contains(used));
    }

    [Fact]
    public void Nothing_leased_is_ever_evicted_and_it_goes_when_the_lease_ends()
    {
        using var fixture = new StoreFixture(static options => options with { MaxCount = 3 });
        var first = fixture.Store.Put("first");
        var lease = fixture.Store.TryLease(first)!;
        var again = fixture.Store.TryLease(first)!;
        using var many = fixture.Store.LeaseAll(
            [fixture.Store.Put("second"), fixture.Store.Put("third"), Blobs.DigestOf([1])], out var missing);
        for (var i = 0; i < 5; i++)
            fixture.Store.Put($"other {i}");

        Assert.Equal([Blobs.DigestOf([1])], missing);
        // The last one put stays too: whoever put it was told that it is here.
        Assert.Equal(4, fixture.Store.Usage.Count);
        Assert.True(fixture.Store.Contains(Blobs.DigestOf("other 4"u8.ToArray())));
        lease.Dispose();
        lease.Dispose();
        fixture.Store.Put("one more");
        Assert.True(fixture.Store.Contains(first));
        again.Dispose();
        many.Dispose();
        for (var i = 0; i < 3; i++)
            fixture.Store.Put($"later {i}");
        Assert.False(fixture.Store.Contains(first));
        Assert.Equal(3, fixture.Store.Usage.Count);
    }

    [Fact]
    public void A_blob_is_leased_as_it_is_written_even_when_the_store_is_full_of_leases()
    {
        using var fixture = new StoreFixture(static options => options with { MaxBytes = 4096 });
        var leases = Enumerable.Range(0, 5).Select(i =>
        {
            var content = Blobs.Bytes($"leased {i}");
            if (i % 2 == 0)
                return fixture.Store.PutLeased(Blobs.DigestOf(content), content);
            using var writer = fixture.Store.BeginWrite(Blobs.DigestOf(content));
            writer.Append(content);
            return writer.CommitLeased();
        }).ToList();

        Assert.Equal(5, fixture.Store.Usage.Count);
        leases.ForEach(static lease => lease.Dispose());
        Assert.Equal(1, fixture.Store.Usage.Count);
    }

    [Fact]
    public void The_order_survives_a_restart()
    {
        var time = new FakeTimeProvider(Start);
        using var fixture = new StoreFixture(static options => options with { MaxCount = 3 }, time);
        var blobs = Enumerable.Range(0, 3).Select(i => fixture.Store.Put($"blob {i}")).ToList();
        Shell.Run(string.Join(';', blobs.Select(digest => $"touch -a -d 2025-06-01 {fixture.BlobPath(digest)}")), "/");
        fixture.Reopen();
        time.Advance(TimeSpan.FromHours(1));
        Assert.True(fixture.Store.Contains(blobs[0]));
        fixture.Reopen();
        fixture.Store.Put("new");

        Assert.True(fixture.Store.Contains(blobs[0]));
        Assert.Equal(1, blobs.Count(digest => !fixture.Store.Contains(digest)));
    }

    [Fact]
    public void NL_170_Access_times_in_the_future_are_taken_with_a_warning()
    {
        using var fixture = new StoreFixture();
        var digest = fixture.Store.Put("from the future");
        Shell.Run($"touch -a -d 2100-01-01 {fixture.BlobPath(digest)}", "/");
        fixture.Reopen();

        Assert.True(fixture.Store.Contains(digest));
        Assert.Contains("in the future", Assert.Single(fixture.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void NL_181_Temporary_files_of_the_dead_are_removed_and_those_of_the_living_are_not()
    {
        using var fixture = new StoreFixture();
        using var writer = fixture.Store.BeginWrite(Blobs.DigestOf("living"u8.ToArray()));
        writer.Append("liv"u8);
        Directory.CreateDirectory(fixture.Directory.At("temp", "dead-1"));
        File.WriteAllText(fixture.Directory.At("temp", "dead-1", "7"), "half");
        File.WriteAllText(fixture.Directory.At("temp", ".users", "dead-1.lock"), "");
        File.WriteAllText(fixture.Directory.At("temp", "left by nativelink"), "half");

        using (fixture.OpenAnother())
        {
        }

        Assert.False(Directory.Exists(fixture.Directory.At("temp", "dead-1")));
        Assert.False(File.Exists(fixture.Directory.At("temp", "left by nativelink")));
        writer.Append("ing"u8);
        writer.Commit();
        Assert.True(fixture.Store.Contains(Blobs.DigestOf("living"u8.ToArray())));
    }

    [SkippableFact]
    public void A_full_disk_evicts_and_then_fails_as_resource_exhausted()
    {
        using var directory = new TempDirectory();
        Directory.CreateDirectory(directory.At("disk"));
        Shell.RunOrSkip("mount -t tmpfs -o size=1m nativelink-actors disk", directory.Path);
        using var store = ContentStore.Open(new ContentStoreOptions(
            directory.At("disk", "content"), directory.At("disk", "temp")), TimeProvider.System);
        var first = store.Put(Blobs.Numbered(1, 600_000));
        var second = store.Put(Blobs.Numbered(2, 600_000));
        Assert.False(store.Contains(first));
        using var lease = store.TryLease(second);

        var fault = Assert.Throws<FaultException>(() => store.Put(Blobs.Numbered(3, 600_000))).Fault;

        Assert.Equal((FaultKind.Storage, Grpc.Core.StatusCode.ResourceExhausted), (fault.Kind, fault.Code));
        Assert.True(store.Contains(second));
        Assert.Equal(1, store.Usage.Count);
    }
}
