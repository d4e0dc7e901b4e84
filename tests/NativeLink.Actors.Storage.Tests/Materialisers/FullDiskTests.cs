using NativeLink.Actors.Storage.DirectoryCache;
using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Storage.Materialisers;
using NativeLink.Actors.Storage.Tests.Trees;

namespace NativeLink.Actors.Storage.Tests.Materialisers;

/// <summary>
/// A store and a directory cache on one small disk: blobs that
/// cached trees link to take their room until the trees go.
/// </summary>
public sealed class FullDiskTests : IDisposable
{
    private readonly TempDirectory _directory = new();
    private ContentStore _store = null!;
    private InputRoots _roots = null!;
    private TestTree _tree = null!;

    public void Dispose()
    {
        _roots?.Dispose();
        _store?.Dispose();
        Shell.Run("umount disk", _directory.Path);
        _directory.Dispose();
    }

    [SkippableFact]
    public async Task Blobs_that_cached_trees_link_to_make_room_together_with_their_trees()
    {
        MountOrSkip("size=4m");
        foreach (var name in (string[])["one", "two"])
            (await MakeAsync(_tree.Dir((name, _tree.File(name, Blobs.Numbered(name[0], 1_500_000)))))).Dispose();

        _store.Put(Blobs.Numbered(3, 3_000_000));

        Assert.Equal(1, _store.Usage.Count);
        Assert.Equal(0, _roots.CacheUsage.Count);
    }

    [SkippableFact]
    public async Task The_tree_of_a_running_action_stays_and_what_does_not_fit_beside_it_fails_as_resource_exhausted()
    {
        MountOrSkip("size=4m");
        var content = Blobs.Numbered(1, 2_000_000);
        using var running = await MakeAsync(_tree.Dir(("file", _tree.File("file", content))));

        var fault = Assert.Throws<FaultException>(() => _store.Put(Blobs.Numbered(3, 3_000_000))).Fault;

        Assert.Equal((FaultKind.Storage, Grpc.Core.StatusCode.ResourceExhausted), (fault.Kind, fault.Code));
        Assert.Equal(content, await File.ReadAllBytesAsync(Path.Combine(running.Path, "file")));
        _store.Put(Blobs.Numbered(4, 1_000_000));
    }

    [SkippableFact]
    public async Task A_tree_for_whose_directories_there_is_no_room_takes_the_place_of_an_older_one()
    {
        MountOrSkip("size=4m,nr_inodes=600");
        (await MakeAsync(Directories("old"))).Dispose();

        using var root = await MakeAsync(Directories("new"));

        Assert.Equal(200, Directory.GetDirectories(root.Path).Length);
        Assert.Equal(1, _roots.CacheUsage.Count);
    }

    private void MountOrSkip(string options)
    {
        Directory.CreateDirectory(_directory.At("disk"));
        Directory.CreateDirectory(_directory.At("work"));
        RootsFixture.Needs("overlay");
        Shell.RunOrSkip($"mount -t tmpfs -o {options} nativelink-actors disk", _directory.Path);
        _store = ContentStore.Open(new ContentStoreOptions(
            _directory.At("disk", "content"), _directory.At("disk", "temp")), TimeProvider.System);
        _roots = InputRoots.Open(new DirectoryCacheSettings(_directory.At("disk", "cache"), _directory.At("scratch")),
            _store, TimeProvider.System);
        _tree = new TestTree(_store);
    }

    private Task<IInputRoot> MakeAsync(Digest root) =>
        _roots.MaterialiseAsync(root, _directory.At("work", root.Hash), _tree, CancellationToken.None);

    private Digest Directories(string name) =>
        _tree.Dir([.. Enumerable.Range(0, 200).Select(i => ($"{name}-{i}", (object)_tree.Dir(("sub", _tree.Dir()))))]);
}
