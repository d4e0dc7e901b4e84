using Grpc.Core;
using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Storage.WorkDirectories;

namespace NativeLink.Actors.Storage.Tests.Filesystem.Eviction;

/// <summary>
/// A store on a file system of its own, which is full:
/// there a new name takes space too, other than on tmpfs.
/// </summary>
public class FullFilesystemTests
{
    [SkippableTheory]
    [InlineData("mkfs.ext4 -q -m 0 -N 30000", 32, 4096)]
    [InlineData("mkfs.ext4 -q", 64, 65536)]
    [InlineData("mkfs.xfs -q", 320, 4096)]
    [InlineData("mkfs.xfs -q", 320, 65536)]
    public void On_a_full_file_system_puts_succeed_and_the_index_is_what_the_disk_holds(
        string format, int mebibytes, int size)
    {
        using var disk = LoopDisk.Mount(format, mebibytes);
        // The smallest xfs is larger than the test needs: something else has the rest.
        var free = disk.FillUpTo(48 << 20);
        using var store = disk.Open();
        var puts = 13L * free / (size + 512) / 10;
        for (var i = 0; i < puts; i++)
        {
            var digest = store.Put(Blobs.Numbered(i, size));
            Assert.True(File.Exists(disk.BlobPath(digest)), $"put {i} was evicted at once");
            if (i % (puts / 8) == 0)
                Assert.Equal(disk.Blobs.Length, store.Usage.Count);
        }

        Assert.Equal(disk.Blobs.Order(StringComparer.Ordinal),
            store.Digests.Select(digest => Path.GetFileName(disk.BlobPath(digest))).Order(StringComparer.Ordinal));
        // It gives up what it needs and no more.
        Assert.InRange(store.Usage.Bytes, free / 4, free);
        Assert.Empty(disk.TempFiles);
    }

    [SkippableFact]
    public void An_action_gets_its_directory_on_a_full_disk_while_there_is_a_blob_to_evict()
    {
        using var disk = LoopDisk.Mount("mkfs.ext4 -q -m 0", 32);
        using var store = disk.Open();
        using var work = WorkDirectory.Open(disk.At("work"));
        store.Put(Blobs.Numbered(1, 4 << 20));
        disk.Fill();
        var attempt = AttemptId.Next(new OperationId("op"));
        Assert.Contains("No space left", Assert.Throws<FaultException>(
            () => work.CreateActionDirectory(attempt)).Fault.Detail, StringComparison.Ordinal);

        using var made = work.CreateActionDirectory(attempt, path => store.TryFreeSpace(0, path));

        Assert.True(Directory.Exists(made.Path));
        Assert.Empty(disk.Blobs);
    }

    [SkippableFact]
    public void What_is_larger_than_the_file_system_is_refused_and_nothing_is_evicted_for_it()
    {
        using var disk = LoopDisk.Mount("mkfs.ext4 -q", 32);
        using var store = disk.Open();
        var kept = store.Put("kept");
        var large = Digest.Parse(new string('a', 64), 64 << 20, DigestFunction.Sha256);

        Assert.Equal(
            StatusCode.ResourceExhausted, Assert.Throws<FaultException>(() => store.BeginWrite(large)).Fault.Code);
        Assert.True(store.Contains(kept));
        Assert.Empty(disk.TempFiles);
    }

    /// <summary>A file system in a file. Needs the right to mount and the program that makes it.</summary>
    private sealed class LoopDisk : IDisposable
    {
        private readonly TempDirectory _directory = new();

        public string[] Blobs => [.. Directory.GetFiles(At("content", "d"))
            .Select(static path => Path.GetFileName(path))];

        public string[] TempFiles => Directory.GetFiles(At("temp"), "*", SearchOption.AllDirectories)
            .Where(static path => !path.Contains(".users", StringComparison.Ordinal)).ToArray();

        public static LoopDisk Mount(string format, int mebibytes)
        {
            var disk = new LoopDisk();
            Directory.CreateDirectory(disk._directory.At("disk"));
            var made = Shell.Run($"truncate -s {mebibytes}M image && {format} image && mount -o loop image disk",
                disk._directory.Path);
            if (made.ExitCode != 0)
            {
                disk._directory.Dispose();
                Skip.If(true, $"'{format}' and a loop mount are needed, which this user or machine cannot make");
            }
            return disk;
        }

        public ContentStore Open() => ContentStore.Open(
            new ContentStoreOptions(At("content"), At("temp")), TimeProvider.System);

        /// <summary>Takes what is beyond so many bytes for something else; answers what is free then.</summary>
        public long FillUpTo(long left)
        {
            var drive = new DriveInfo(At());
            if (drive.TotalFreeSpace is var free && free > left)
                Assert.Equal(0, Shell.Run($"fallocate -l {free - left} {At("other")}", _directory.Path).ExitCode);
            return drive.TotalFreeSpace; // Root, who alone can mount, has the reserve too.
        }

        /// <summary>Leaves not a block.</summary>
        public void Fill() => Shell.Run(
            $"cat /dev/zero > {At("filler")}; for i in $(seq 3000); do mkdir {At()}/full-$i || exit 0; done",
            _directory.Path);

        public string BlobPath(Digest digest) => At("content", "d", $"{digest.Hash}-{digest.SizeBytes}");

        public void Dispose()
        {
            Shell.Run("umount disk", _directory.Path);
            _directory.Dispose();
        }

        public string At(params string[] parts) => _directory.At(["disk", .. parts]);
    }
}
