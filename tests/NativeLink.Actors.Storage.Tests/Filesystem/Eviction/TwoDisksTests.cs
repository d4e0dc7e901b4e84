using System.Diagnostics;
using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Storage.WorkDirectories;

namespace NativeLink.Actors.Storage.Tests.Filesystem.Eviction;

/// <summary>A store on one small disk, and what actions need on another: each is freed of what is on it.</summary>
public sealed class TwoDisksTests : IDisposable
{
    private readonly TempDirectory _directory = new();
    private ContentStore _store = null!;

    public void Dispose()
    {
        _store?.Dispose();
        Shell.Run("umount store work", _directory.Path);
        _directory.Dispose();
    }

    [SkippableFact]
    public async Task A_full_work_disk_waits_for_what_is_being_deleted_on_it_and_the_store_gives_up_nothing()
    {
        MountOrSkip();
        var blob = _store.Put(Blobs.Numbered(1, 100_000));
        using var held = HeldDeletion("work");
        using var work = WorkDirectory.Open(_directory.At("work", "actions"));
        Fill("work");
        var attempt = AttemptId.Next(new OperationId("op"));
        using var asked = new ManualResetEventSlim();
        var made = Task.Run(() => work.CreateActionDirectory(attempt, path =>
        {
            asked.Set();
            return _store.TryFreeSpace(0, path);
        }));
        Assert.True(asked.Wait(TimeSpan.FromSeconds(30)));

        using var deleting = new DeletionQueue(_directory.At("work", "trash"), null);

        using var directory = await made.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.True(Directory.Exists(directory.Path));
        Assert.True(_store.Contains(blob));
    }

    [SkippableFact]
    public void Nobody_waits_for_what_is_being_deleted_on_another_disk_than_the_full_one()
    {
        MountOrSkip();
        using var held = HeldDeletion("work");
        var since = Stopwatch.StartNew();

        Assert.False(_store.TryFreeSpace(1));
        Assert.False(_store.TryFreeSpace(1, _directory.At("store")));
        // The bound of the wait is 2 s.
        Assert.InRange(since.ElapsedMilliseconds, 0, 1900);
    }

    [SkippableFact]
    public void A_deletion_that_does_not_end_is_waited_for_for_two_seconds()
    {
        MountOrSkip();
        using var held = HeldDeletion("work");
        var since = Stopwatch.StartNew();

        Assert.False(_store.TryFreeSpace(1, _directory.At("work")));
        Assert.InRange(since.ElapsedMilliseconds, 1900, 9000);
    }

    [SkippableFact]
    public void A_tree_that_is_deleted_where_it_is_counts_for_the_disk_that_it_is_on()
    {
        MountOrSkip();
        Directory.CreateDirectory(_directory.At("work", "tree"));
        using var held = new DeletionQueue(_directory.At("store", "trash"), null, threads: 0);
        held.Enqueue(_directory.At("work", "tree"));
        var since = Stopwatch.StartNew();

        Assert.False(_store.TryFreeSpace(1, _directory.At("store")));
        // The bound of the wait is 2 s.
        Assert.InRange(since.ElapsedMilliseconds, 0, 1900);
        Assert.False(_store.TryFreeSpace(1, _directory.At("work")));
        Assert.InRange(since.ElapsedMilliseconds, 1900, 9000);
    }

    [SkippableFact]
    public void A_copy_onto_a_full_disk_takes_nothing_from_the_store_on_another()
    {
        MountOrSkip();
        var (copied, kept) = (_store.Put(Blobs.Numbered(1, 100_000)), _store.Put(Blobs.Numbered(2, 100_000)));
        Fill("work");

        var copy = _directory.At("work", "copy");
        Assert.Throws<FaultException>(() => _store.TryCopyTo(copied, copy, UnixFileMode.UserRead));

        Assert.True(_store.Contains(copied));
        Assert.True(_store.Contains(kept));
    }

    private void MountOrSkip()
    {
        Directory.CreateDirectory(_directory.At("store"));
        Directory.CreateDirectory(_directory.At("work"));
        // A directory takes no bytes of a tmpfs, but an inode.
        const string Mount = "mount -t tmpfs -o size=4m,nr_inodes=100 nativelink-actors";
        Shell.RunOrSkip($"{Mount} store && {Mount} work", _directory.Path);
        var options = new ContentStoreOptions(_directory.At("store", "content"), _directory.At("store", "temp"));
        _store = ContentStore.Open(options, TimeProvider.System);
    }

    /// <summary>A queue that has a tree of a megabyte to delete and never does.</summary>
    private DeletionQueue HeldDeletion(string disk)
    {
        Directory.CreateDirectory(_directory.At(disk, "tree"));
        File.WriteAllBytes(_directory.At(disk, "tree", "file"), new byte[1 << 20]);
        var queue = new DeletionQueue(_directory.At(disk, "trash"), null, threads: 0);
        queue.Enqueue(_directory.At(disk, "tree"));
        return queue;
    }

    /// <summary>Leaves neither a block nor an inode.</summary>
    private void Fill(string disk)
    {
        const string Fill = "cat /dev/zero > filler; for i in $(seq 200); do true > full-$i || exit 7; done";
        Assert.Equal(7, Shell.Run(Fill, _directory.At(disk)).ExitCode);
    }
}
