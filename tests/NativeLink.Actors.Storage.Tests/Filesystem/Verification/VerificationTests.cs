using Microsoft.Extensions.Time.Testing;

namespace NativeLink.Actors.Storage.Tests.Filesystem.Verification;

/// <summary>
/// Blobs that are not what their names say: found by a sample, or when the store is opened after
/// the machine was restarted.
/// </summary>
public class VerificationTests
{
    [Fact]
    public void A_corrupt_blob_is_quarantined_with_a_warning_and_can_be_fetched_again()
    {
        using var fixture = new StoreFixture();
        var digest = fixture.Store.Put("sound");
        var told = new List<Digest>();
        fixture.Store.Quarantined += told.Add;
        Assert.True(fixture.Store.Verify(digest));
        Shell.Run($"chmod u+w {fixture.BlobPath(digest)}; printf broke > {fixture.BlobPath(digest)}", "/");

        Assert.Equal(1, fixture.Store.VerifySample(5, new Random(1)));

        Assert.Equal([digest], told);
        Assert.False(fixture.Store.Contains(digest));
        Assert.Single(Directory.GetFiles(fixture.Directory.At("content.quarantine")));
        Assert.Contains("was corrupt", Assert.Single(fixture.Warnings), StringComparison.Ordinal);
        fixture.Store.Put("sound");
        Assert.Equal("sound"u8.ToArray(), fixture.Store.Read(digest));
    }

    [Fact]
    public void What_a_power_cut_left_short_or_changed_is_found_when_the_store_is_opened()
    {
        using var fixture = new StoreFixture();
        var (shortened, zeroed, sound) = (fixture.Store.Put("will be shortened"), fixture.Store.Put("will be zeroed"),
            fixture.Store.Put("sound"));
        fixture.Store.Dispose();
        Shell.Run(
            $"chmod u+w *; truncate -s 3 {shortened.Hash}*; " +
            $"head -c {zeroed.SizeBytes} /dev/zero > {zeroed.Hash}-{zeroed.SizeBytes}", fixture.Directory.At(
                "content", "d"));
        File.WriteAllText(fixture.Directory.At("content", ".boot"), "another boot");
        fixture.Reopen();

        Assert.False(fixture.Store.Contains(shortened));
        Assert.False(fixture.Store.Contains(zeroed));
        Assert.True(fixture.Store.Contains(sound));
        Assert.Equal(2, fixture.Warnings.Count);
    }

    [Fact]
    public void An_empty_store_opens_after_a_restart_of_the_machine_as_any_other()
    {
        using var fixture = new StoreFixture();
        fixture.Store.Dispose();
        for (var restarts = 0; restarts < 2; restarts++)
        {
            fixture.PretendRestart();
            fixture.Reopen();
            Assert.Equal(0, fixture.Store.Usage.Count);
            fixture.Store.Dispose();
        }
        fixture.Reopen();
        Assert.True(fixture.Store.Contains(fixture.Store.Put("one")));
    }

    [Fact]
    public void A_check_after_a_restart_of_the_machine_that_was_cut_short_is_made_at_the_next_start()
    {
        using var fixture = new StoreFixture();
        var (one, two) = (fixture.Store.Put("one"), fixture.Store.Put("two"));
        fixture.Store.Dispose();
        fixture.PretendRestart();
        fixture.Corrupt(fixture.BlobPath(one));
        fixture.Corrupt(fixture.BlobPath(two));
        // The first warning ends it, as a signal would in the middle of the check.
        fixture.OnWarning = static _ => throw new InvalidOperationException("killed");
        Assert.Throws<InvalidOperationException>(fixture.Reopen);
        fixture.OnWarning = null;
        fixture.Reopen();

        Assert.Equal((0, 0), fixture.Store.Usage);
    }

    [Fact]
    public void A_check_after_a_restart_of_the_machine_passes_over_what_another_process_evicts_meanwhile()
    {
        using var fixture = new StoreFixture();
        var blobs = Enumerable.Range(0, 5).Select(i => fixture.Store.Put($"blob {i}")).ToList();
        fixture.Store.Dispose();
        fixture.PretendRestart();
        blobs.ForEach(digest => fixture.Corrupt(fixture.BlobPath(digest)));
        // At the first one that is found wrong all the others go.
        fixture.OnWarning = _ => Shell.Run("rm -f content/d/*", fixture.Directory.Path);
        fixture.Reopen();

        Assert.Equal((0, 0), fixture.Store.Usage);
        Assert.Single(fixture.Warnings);
    }

    [Fact]
    public void What_is_too_much_to_be_hashed_at_a_start_is_hashed_before_its_first_use()
    {
        using var fixture = new StoreFixture(static options => options with { HashedAtOpenBytes = 0 });
        var blobs = Enumerable.Range(0, 4).Select(i => fixture.Store.Put($"blob {i}")).ToList();
        var tool = fixture.Store.Put("#!/bin/sh");
        Assert.True(fixture.Store.TryLinkTo(tool, executable: true, fixture.Directory.At("before")));
        fixture.Store.Dispose();
        fixture.PretendRestart();
        blobs.ForEach(digest => fixture.Corrupt(fixture.BlobPath(digest)));
        fixture.Corrupt(fixture.ExecutableCopyPath(tool));
        fixture.Reopen();

        Assert.Equal((5, 5), (fixture.Store.Usage.Count, fixture.Store.UnverifiedCount));
        Assert.Empty(fixture.Store.QuarantinedAtOpen);
        var told = new List<Digest>();
        fixture.Store.Quarantined += told.Add;
        Assert.False(fixture.Store.Contains(blobs[0]));
        Assert.Null(fixture.Store.TryLease(blobs[1]));
        Assert.Null(fixture.Store.TryOpenRead(blobs[2]));
        using (fixture.Store.LeaseAll([blobs[3], tool], out var missing))
            Assert.Equal([blobs[3]], missing);
        Assert.Equal([.. blobs, tool], told);
        Assert.True(fixture.Store.TryLinkTo(tool, executable: true, fixture.Directory.At("after")));
        Assert.Equal("#!/bin/sh", File.ReadAllText(fixture.Directory.At("after")));
        Assert.Equal(0, fixture.Store.UnverifiedCount);
        Assert.False(File.Exists(fixture.Directory.At("content", ".doubts")));
    }

    [Fact]
    public void What_is_unverified_stays_so_over_other_starts_and_restarts_until_it_is_hashed()
    {
        using var fixture = new StoreFixture(static options => options with { HashedAtOpenBytes = 0 });
        var (bad, good) = (fixture.Store.Put("bad"), fixture.Store.Put("good"));
        fixture.Store.Dispose();
        fixture.PretendRestart();
        fixture.Corrupt(fixture.BlobPath(bad));
        // As an earlier version left it: the start itself changes the file.
        Shell.Run($"touch -m -d 2001-01-01 {fixture.BlobPath(bad)}", "/");
        fixture.Reopen();
        Assert.True(fixture.Store.Contains(good));
        Shell.Run("sleep 0.05", "/");
        var later = fixture.Store.Put("later");
        fixture.Reopen();
        // The later one is among them: a link more or less to one in doubt changes its time too, so
        // that time alone cannot tell them apart.
        Assert.Equal(3, fixture.Store.UnverifiedCount);
        using (var another = fixture.OpenAnother())
            Assert.False(another.Contains(bad));
        fixture.PretendRestart();
        fixture.Reopen();
        Assert.Equal(2, fixture.Store.UnverifiedCount);
        Assert.True(fixture.Store.Contains(later) && fixture.Store.Contains(good));
        Assert.Equal(0, fixture.Store.UnverifiedCount);
    }

    [Fact]
    public void What_is_unverified_is_the_first_to_be_sampled_and_what_has_gone_is_unverified_no_more()
    {
        using var fixture = new StoreFixture(static options => options with { HashedAtOpenBytes = 0 });
        var (bad, gone) = (fixture.Store.Put("bad"), fixture.Store.Put("gone"));
        fixture.Store.Dispose();
        fixture.PretendRestart();
        fixture.Corrupt(fixture.BlobPath(bad));
        fixture.Reopen();
        File.Delete(fixture.BlobPath(gone));
        Assert.Equal(1, fixture.Store.VerifySample(2, new Random(1)));
        Assert.Equal(0, fixture.Store.UnverifiedCount);
    }

    [Fact]
    public void An_executable_copy_that_a_power_cut_left_with_zeros_is_found_at_the_next_open_and_its_blob_stays()
    {
        using var fixture = new StoreFixture();
        var tool = fixture.Store.Put("#!/bin/sh\necho tool");
        Assert.True(fixture.Store.TryLinkTo(tool, executable: true, fixture.Directory.At("before")));
        fixture.Store.Dispose();
        fixture.PretendRestart();
        fixture.Corrupt(fixture.ExecutableCopyPath(tool));
        fixture.Reopen();

        Assert.Equal((4096, 1), fixture.Store.Usage);
        Assert.Equal([tool], fixture.Store.QuarantinedAtOpen);
        Assert.Contains("executable", Assert.Single(fixture.Warnings), StringComparison.Ordinal);
        Assert.True(fixture.Store.TryLinkTo(tool, executable: true, fixture.Directory.At("after")));
        Assert.Equal("#!/bin/sh\necho tool", File.ReadAllText(fixture.Directory.At("after")));
        Assert.Equal((8192, 1), fixture.Store.Usage);
    }

    [Fact]
    public void An_executable_copy_that_went_bad_is_found_by_a_check_of_its_blob()
    {
        using var fixture = new StoreFixture();
        var tool = fixture.Store.Put("tool");
        fixture.Store.TryLinkTo(tool, executable: true, fixture.Directory.At("before"));
        var told = new List<Digest>();
        fixture.Store.Quarantined += told.Add;
        fixture.Corrupt(fixture.ExecutableCopyPath(tool));

        Assert.False(fixture.Store.Verify(tool));

        Assert.Equal([tool], told);
        Assert.True(fixture.Store.Contains(tool));
        Assert.True(fixture.Store.Verify(tool));
        fixture.Store.TryLinkTo(tool, executable: true, fixture.Directory.At("after"));
        Assert.Equal("tool", File.ReadAllText(fixture.Directory.At("after")));
    }

    [Fact]
    public void The_newest_sixteen_stay_in_quarantine_by_when_they_came_and_one_that_cannot_go_keeps_no_other()
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
        using var fixture = new StoreFixture(time: time);
        var blobs = Enumerable.Range(0, 20).Select(i => fixture.Store.Put($"blob {i}")).ToList();
        // What was quarantined last was written long before the others.
        Shell.Run($"touch -m -d 2001-01-01 {fixture.BlobPath(blobs[^1])}", "/");
        var quarantine = fixture.Directory.At("content.quarantine");
        foreach (var digest in blobs)
        {
            fixture.Store.Quarantine(digest, "a test says so");
            time.Advance(TimeSpan.FromSeconds(1));
            Shell.Run("[ -e 00000000-in-the-way ] || { mkdir 00000000-in-the-way && touch 00000000-in-the-way/x; }",
                quarantine);
        }

        var kept = Directory.GetFiles(quarantine).Select(Path.GetFileName).ToList();
        Assert.Equal(16, kept.Count);
        Assert.All(
            blobs[4..], digest => Assert.Contains(kept, name => name!.Contains(digest.Hash, StringComparison.Ordinal)));
    }

    [Fact]
    public void A_corrupt_blob_goes_also_where_no_quarantine_can_be_made()
    {
        using var fixture = new StoreFixture();
        var digest = fixture.Store.Put("sound");
        File.WriteAllText(fixture.Directory.At("content.quarantine"), "in the way");
        fixture.Corrupt(fixture.BlobPath(digest));

        Assert.False(fixture.Store.Verify(digest));

        Assert.False(File.Exists(fixture.BlobPath(digest)));
        Assert.False(fixture.Store.Contains(digest));
    }

    [Fact]
    public void A_check_is_no_use_of_the_blob()
    {
        using var fixture = new StoreFixture(static options => options with { MaxCount = 2 });
        var (old, newer) = (fixture.Store.Put("old"), fixture.Store.Put("newer"));
        Shell.Run($"touch -a -d 2020-01-01 {fixture.BlobPath(old)}", "/");
        Assert.True(fixture.Store.Verify(old));
        fixture.Store.Put("newest");

        Assert.False(File.Exists(fixture.BlobPath(old)));
        Assert.True(fixture.Store.Contains(newer));
    }
}
