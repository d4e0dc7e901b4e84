using NativeLink.Actors.LocalCluster.Services;
using NativeLink.Actors.LocalCluster.Tests.Host;

namespace NativeLink.Actors.LocalCluster.Tests.Services;

public sealed class ActionCacheStoreTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("action-cache-").FullName;
    private readonly ManualTime _time = new();

    public void Dispose() => Directory.Delete(_directory, recursive: true);

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
            File.SetLastWriteTimeUtc(EntryFiles().Single(file => file.EndsWith($"-{i}", StringComparison.Ordinal)), _time.GetUtcNow().UtcDateTime);
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
        Assert.Empty(Directory.GetFiles(Path.Combine(_directory, ".tmp")));
    }

    [Fact]
    public void A_path_that_cannot_be_used_is_named()
    {
        var file = Path.Combine(_directory, "file");
        File.WriteAllText(file, "");
        var error = Assert.Throws<FaultException>(() => ActionCacheStore.Open(file, 0, _time));
        Assert.Contains($"'{file}'", error.Message, StringComparison.Ordinal);
    }

    private static Digest Key(int number) => Digest.Parse(Blobs.DigestOf([(byte)number]).Hash, number, DigestFunction.Sha256);

    private static Reapi.ActionResult Result(int exitCode) => new() { ExitCode = exitCode };

    private string[] EntryFiles() => Directory.GetFiles(_directory, "*-*", SearchOption.AllDirectories);

    private ActionCacheStore Open(long maxEntries) => ActionCacheStore.Open(_directory, maxEntries, _time);
}
