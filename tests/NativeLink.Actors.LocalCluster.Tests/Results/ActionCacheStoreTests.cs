using Google.Protobuf;
using Microsoft.Extensions.Time.Testing;
using NativeLink.Actors.LocalCluster.Results;
using NativeLink.Actors.LocalCluster.Tests.Host;
using NativeLink.Actors.LocalCluster.Tests.Services;

namespace NativeLink.Actors.LocalCluster.Tests.Results;

/// <summary>One of them counts what the whole process holds, so they run with no other test beside them.</summary>
[Collection(nameof(LargeBlobTests))]
public sealed class ActionCacheStoreTests : IDisposable
{
    private readonly TempDirectory _directory = new();
    private readonly FakeTimeProvider _time = new(RunningCluster.Start);

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void The_entry_that_was_not_used_for_longest_goes_first()
    {
        var store = Open(maxEntries: 2);
        store.Put(Key(1), Result(1));
        store.Put(Key(2), Result(2));
        Assert.Equal(Result(1), store.TryGet(Key(1)));
        store.Put(Key(3), Result(3));
        Assert.Null(store.TryGet(Key(2)));
        Assert.Equal((Result(1), Result(3), 2), (store.TryGet(Key(1)), store.TryGet(Key(3)), store.Count));
        Assert.Equal(2, EntryFiles().Length);
    }

    [Fact]
    public void A_restart_keeps_the_entries_and_the_order_of_their_use()
    {
        var first = Open(maxEntries: 0);
        for (var i = 1; i <= 3; i++)
        {
            first.Put(Key(i), Result(i));
            File.SetLastWriteTimeUtc(EntryFiles().Single(file => file.EndsWith($"-{i}", StringComparison.Ordinal)),
                _time.GetUtcNow().UtcDateTime);
            _time.Advance(TimeSpan.FromMinutes(2));
        }
        Assert.NotNull(first.TryGet(Key(1)));
        var second = Open(maxEntries: 2);
        Assert.Null(second.TryGet(Key(2)));
        Assert.Equal((Result(1), Result(3)), (second.TryGet(Key(1)), second.TryGet(Key(3))));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(10)]
    [InlineData(33)]
    public void A_file_that_was_cut_off_counts_as_absent_and_can_be_written_again(int length)
    {
        var store = Open(maxEntries: 0);
        store.Put(Key(1), new Reapi.ActionResult { ExitCode = 1, StdoutDigest = Key(2).ToWire() });
        using (var file = File.OpenWrite(EntryFiles().Single()))
            file.SetLength(length);
        var reopened = Open(maxEntries: 0);
        Assert.Null(reopened.TryGet(Key(1)));
        Assert.Equal(0, reopened.Count);
        reopened.Put(Key(1), Result(1));
        Assert.Equal(Result(1), reopened.TryGet(Key(1)));
    }

    [Fact]
    public void An_entry_is_replaced_as_a_whole_while_others_read_it()
    {
        var store = Open(maxEntries: 0);
        store.Put(Key(1), Result(0));
        Parallel.For(0, 400, i =>
        {
            if (i % 4 == 0)
                store.Put(Key(1), Result(i));
            else
                Assert.NotNull(store.TryGet(Key(1)));
        });
        Assert.Equal(1, store.Count);
        Assert.Empty(Directory.GetFiles(_directory.At(".tmp")));
    }

    [Fact]
    public void A_directory_that_NativeLink_has_used_opens_and_its_entries_are_found()
    {
        var (whole, junk) = (Key(1), Key(2));
        foreach (var below in new[] { "d", "s" })
            Directory.CreateDirectory(_directory.At(below));
        File.WriteAllBytes(_directory.At("d", $"{whole.Hash}-1"), Result(7).ToByteArray());
        File.WriteAllBytes(_directory.At("d", $"{junk.Hash}-2"), [0xff]);
        File.WriteAllText(_directory.At("s", "some-name"), "x");
        var store = Open(maxEntries: 1);
        Assert.Equal((Result(7), null, null), (store.TryGet(whole), store.TryGet(junk), store.TryGet(Key(3))));
        store.Put(whole, Result(8));
        store.Put(Key(3), Result(3));
        // What was replaced does not come back when the newer one has gone.
        Assert.Equal((null, Result(3)), (store.TryGet(whole), store.TryGet(Key(3))));
        Assert.Equal((1, Result(3)), (Open(maxEntries: 1).Count, store.TryGet(Key(3))));
    }

    [Fact]
    public void An_entry_whose_directory_went_away_is_absent_and_can_be_written_again()
    {
        var store = Open(maxEntries: 0);
        store.Put(Key(1), Result(1));
        Directory.Delete(Path.GetDirectoryName(EntryFiles().Single())!, recursive: true);
        Assert.Null(store.TryGet(Key(1)));
        store.Put(Key(1), Result(2));
        Assert.Equal(Result(2), store.TryGet(Key(1)));
    }

    [Fact]
    public void A_path_that_cannot_be_used_is_named()
    {
        var file = _directory.At("file");
        File.WriteAllText(file, "");
        var error = Assert.Throws<FaultException>(() => ActionCacheStore.Open(file, 0, _time));
        Assert.Contains($"'{file}'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_entry_costs_less_than_100_bytes_of_memory()
    {
        const int Entries = 20_000;
        var message = new Reapi.ActionResult();
        for (var i = 0; i < Entries; i++)
        {
            var hash = System.Security.Cryptography.SHA256.HashData(BitConverter.GetBytes(i));
            var path = _directory.At(Convert.ToHexStringLower(hash)[..2]);
            Directory.CreateDirectory(path);
            File.WriteAllBytes(Path.Combine(path, $"{Convert.ToHexStringLower(hash)}-142"), []);
        }
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var store = Open(maxEntries: 0);
        var held = GC.GetTotalMemory(forceFullCollection: true) - before;
        Assert.Equal(Entries, store.Count);
        Assert.InRange(held / (double)Entries, 1, 100);
        GC.KeepAlive(store);
    }

    [Fact]
    public void A_directory_of_a_newer_layout_is_refused()
    {
        Open(maxEntries: 0).Put(Key(1), Result(1));
        File.WriteAllText(_directory.At(".format"), "2");
        Assert.Contains("layout '2'", Assert.Throws<FaultException>(() => Open(maxEntries: 0)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Each_entry_has_its_file_however_puts_and_evictions_meet()
    {
        var store = Open(maxEntries: 2);
        for (var round = 0; round < 20; round++)
        {
            Parallel.For(0, 200, i => store.Put(Key(1 + (i % 5)), Result(i)));
            Assert.Equal((2, 2), (store.Count, EntryFiles().Length));
        }
    }

    [SkippableFact]
    public async Task On_a_full_disk_of_its_own_it_gives_up_its_oldest_entries_and_no_blob()
    {
        await using var cluster = await RunningCluster.StartAsync(
            options => options with { ActionCachePath = MountSmall() });
        try
        {
            var blob = cluster.Put("a blob on another disk"u8);
            var store = cluster.Server.ActionCache;
            var large = new Reapi.ActionResult { StdoutRaw = ByteString.CopyFrom(new byte[100 << 10]) };
            for (var i = 1; i <= 10; i++)
                store.Put(Key(i), large);
            Assert.Equal((null, large), (store.TryGet(Key(1)), store.TryGet(Key(10))));
            Assert.True(cluster.Server.Cas.Contains(blob));
        }
        finally
        {
            Shell.TryRun("umount", _directory.Path);
        }
    }

    [SkippableFact]
    public void A_full_disk_is_resource_exhausted_and_leaves_no_stray_files()
    {
        MountSmall();
        try
        {
            var (store, asked) = (ActionCacheStore.Open(_directory.Path, 0, _time, _ => false), 0);
            File.WriteAllBytes(_directory.At("junk"), new byte[100 << 10]);
            var large = new Reapi.ActionResult { StdoutRaw = Google.Protobuf.ByteString.CopyFrom(new byte[200 << 10]) };

            var fault = Assert.Throws<FaultException>(() => store.Put(Key(1), large)).Fault;

            Assert.Equal(Grpc.Core.StatusCode.ResourceExhausted, fault.Code);
            Assert.Empty(Directory.GetFiles(_directory.At(".tmp")));
            Assert.Null(store.TryGet(Key(1)));
            var second = ActionCacheStore.Open(_directory.Path, 0, _time, _ =>
            {
                File.Delete(_directory.At("junk"));
                return asked++ == 0;
            });
            second.Put(Key(1), large);
            Assert.Equal((large, 1), (second.TryGet(Key(1)), asked));
        }
        finally
        {
            Shell.TryRun("umount", _directory.Path);
        }
    }

    private string MountSmall()
    {
        Skip.IfNot(Shell.TryRun("mount", "-t", "tmpfs", "-o", "size=256k", "none", _directory.Path),
            "a mount of tmpfs is needed, which this user cannot make");
        return _directory.Path;
    }

    private static Digest Key(int number) =>
        Digest.Parse(Blobs.DigestOf([(byte)number]).Hash, number, DigestFunction.Sha256);

    private static Reapi.ActionResult Result(int exitCode) => new() { ExitCode = exitCode };

    private string[] EntryFiles() => Directory.GetFiles(_directory.Path, "*-*", SearchOption.AllDirectories);

    private ActionCacheStore Open(long maxEntries) => ActionCacheStore.Open(_directory.Path, maxEntries, _time);
}
