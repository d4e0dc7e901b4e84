using NativeLink.Actors.Protocol.Hashing;
using NativeLink.Actors.Storage.Tests.Materialisers;

namespace NativeLink.Actors.Storage.Tests.DirectoryCache;

/// <summary>The cache of trees; where no overlay can be mounted there is none, and each root is written out.</summary>
public class DirectoryCacheTests
{
    private static bool Overlay => RootsFixture.OverlayWorks;

    [Fact]
    public async Task NL_128_NL_131_With_no_entries_allowed_it_works_all_the_same_and_warns()
    {
        using var fixture = new RootsFixture(configure: static settings => settings with { MaxEntries = 0 });
        var (one, two) = (fixture.Tree.Dir(("a", "one")), fixture.Tree.Dir(("a", "two")));
        using var first = await fixture.MakeAsync(one);
        using var second = await fixture.MakeAsync(two);
        Assert.Equal("one", File.ReadAllText(Path.Combine(first.Path, "a")));
        Assert.Equal("two", File.ReadAllText(Path.Combine(second.Path, "a")));
        Assert.Equal(Overlay ? 1 : 0,
            fixture.Warnings.Count(static warning => warning.Contains("above its limits", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task NL_133_NL_142_One_entry_allowed_the_first_root_goes_and_sizes_are_those_of_the_files_each_once()
    {
        using var fixture = new RootsFixture(configure: static settings => settings with { MaxEntries = 1 });
        var tree = fixture.Tree;
        Digest Root(string content) => tree.Dir(
            ("demo file", content), ("again", tree.Dir(("deep", tree.Dir(("demo file", content))))), ("demo_subdir",
                tree.Dir()), ("demo_symlink", new Reapi.SymlinkNode { Target = "demo file" }));
        (await fixture.MakeAsync(Root("12345"))).Dispose();
        using var second = await fixture.MakeAsync(Root("54321"));
        Assert.Equal("54321", File.ReadAllText(Path.Combine(second.Path, "demo_symlink")));
        Assert.Equal(Overlay ? (1, 5) : (0, 0), fixture.Roots.CacheUsage);
        Assert.Equal(Overlay ? 1 : 0, Directory.GetDirectories(Path.Combine(fixture.Roots.CachePath, "trees")).Length);
    }

    [Fact]
    public async Task The_size_is_bounded_and_running_actions_keep_their_trees()
    {
        using var fixture = new RootsFixture(configure: static settings => settings with { MaxSizeBytes = 250 });
        var running = await fixture.MakeAsync(fixture.Tree.Dir(("a", new string('0', 100))));
        for (var i = 1; i < 6; i++)
            (await fixture.MakeAsync(fixture.Tree.Dir(($"file {i}", new string((char)('0' + i), 100))))).Dispose();
        Assert.Equal(100, File.ReadAllText(Path.Combine(running.Path, "a")).Length);
        Assert.Equal(Overlay ? (2, 200) : (0, 0), fixture.Roots.CacheUsage);
        running.Dispose();
        Assert.Equal(0, fixture.Roots.PinnedTrees);
    }

    [Fact]
    public async Task NL_135_NL_137_A_root_that_differs_in_one_file_costs_its_changed_directories()
    {
        using var fixture = new RootsFixture();
        var tree = fixture.Tree;
        Digest Root(int changed) => tree.Dir([.. Enumerable.Range(0, 4)
            .Select(middle => ($"m{middle}", (object)tree.Dir([.. Enumerable.Range(0, 3).Select(leaf =>
            ($"l{leaf}",
                (object)tree.Dir(
                    [.. Enumerable.Range(
                        0,
                        5).Select(
                            file => ($"f{file}", (object)(changed == (middle * 100) + (leaf * 10) + file
                                ? "changed"
                                : $"{middle} {leaf} {file}")))])))])))]);
        (await fixture.MakeAsync(Root(-1))).Dispose();
        var (asked, fetched) = (tree.DirectoriesAsked, tree.Fetched.Count);
        Assert.Equal((17, 60), (asked, fetched));

        using var root = await fixture.MakeAsync(Root(123));

        Assert.Equal(3, tree.DirectoriesAsked - asked);
        Assert.Equal(1, tree.Fetched.Count - fetched);
        Assert.Equal(Overlay ? 1 : 0, fixture.Roots.Statistics.Deltas);
        Assert.Equal(14, fixture.Roots.Statistics.DirectoriesReused);
        Assert.Equal("changed", File.ReadAllText(Path.Combine(root.Path, "m1/l2/f3")));
        Assert.Equal(60, Directory.GetFiles(root.Path, "*", SearchOption.AllDirectories).Length);
        Assert.Equal("0 0 0", File.ReadAllText(Path.Combine(root.Path, "m0/l0/f0")));
    }

    [Fact]
    public async Task Every_kind_of_change_between_two_trees_shows_and_nothing_else()
    {
        using var fixture = new RootsFixture();
        var tree = fixture.Tree;
        var same = Enumerable.Range(0, 40).Select(i => ($"same{i}", (object)$"same {i}")).ToArray();
        var old = tree.Dir([.. same, ("removed", "r"), ("changed", "old"), ("file-to-dir", "f"),
            ("dir-to-file", tree.Dir(("x", "x"))), ("link", new Reapi.SymlinkNode { Target = "a" }),
            ("gone", tree.Dir(("y", "y"))), ("kept", tree.Dir(("one", "1"), ("two", "2"),
                ("mode", tree.File("m", "tool")))), ("link-to-dir", new Reapi.SymlinkNode { Target = "kept" })]);
        var next = tree.Dir([.. same, ("changed", "new"), ("file-to-dir", tree.Dir(("inside", "i"))),
            ("dir-to-file", "now a file"), ("link", new Reapi.SymlinkNode { Target = "b" }),
            ("added", tree.Dir(("deep", tree.Dir(("z", "z"))))), ("kept", tree.Dir(("one", "1"), ("three", "3"),
                ("mode", tree.File("m", "tool", executable: true)))), ("link-to-dir", tree.Dir(("w", "w")))]);
        using var first = await fixture.MakeAsync(old);
        using var second = await fixture.MakeAsync(next);
        using var copies = new RootsFixture("copy");
        foreach (var (digest, directory) in tree.Directories)
            copies.Tree.Directories[digest] = directory;
        foreach (var (digest, content) in tree.Files)
            copies.Tree.Files[digest] = content;
        using var expected = await copies.MakeAsync(next);

        const string Listing = "find . -mindepth 1 -printf '%p %y %m %l\\n' | sort; find . -type f | sort | xargs cat";
        Assert.Equal(Shell.Run(Listing, expected.Path).Output, Shell.Run(Listing, second.Path).Output);
        Assert.Equal(Overlay ? 1 : 0, fixture.Roots.Statistics.Deltas);
        Assert.Equal("a", new FileInfo(Path.Combine(first.Path, "link")).LinkTarget);
        Assert.True(File.Exists(Path.Combine(first.Path, "removed")));
    }

    [SkippableFact]
    public async Task Trees_of_the_last_run_are_there_again_deltas_included()
    {
        using var fixture = new RootsFixture();
        var (root, changed) = (fixture.Tree.Large(200, 20), fixture.Tree.Large(200, 20, changed: 77));
        (await fixture.MakeAsync(root)).Dispose();
        (await fixture.MakeAsync(changed)).Dispose();
        fixture.Reopen();
        var (calls, fetches) = (fixture.Tree.DirectoryCalls, fixture.Tree.FetchCalls);

        using var again = await fixture.MakeAsync(changed);
        using var other = await fixture.MakeAsync(fixture.Tree.Large(200, 20, changed: 150));

        Assert.Equal(Blobs.Numbered(-78, 20), File.ReadAllBytes(
            Directory.GetFiles(again.Path, "file-000077", SearchOption.AllDirectories).Single()));
        RootsFixture.Needs("overlay");
        Assert.True(again.Cached);
        Assert.Equal(0, fixture.Tree.DirectoryCalls - calls - 6);
        // The third tree's other directories came from the record of the first: six were asked for, and one file.
        Assert.Equal(6, fixture.Roots.Statistics.DirectoriesAsked);
        Assert.Equal(1, fixture.Tree.FetchCalls - fetches);
        Assert.Equal(1, fixture.Roots.Statistics.Deltas);
        Assert.False(other.Cached);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task NL_141_A_damaged_tree_is_built_again(bool afterRestart)
    {
        using var fixture = new RootsFixture();
        var root = fixture.Tree.Dir(("sub", fixture.Tree.Dir(("file", "here"))));
        var before = await fixture.MakeAsync(root);
        if (!afterRestart)
            Assert.Equal("here", File.ReadAllText(Path.Combine(before.Path, "sub/file")));
        else
            before.Dispose();
        foreach (var file in Directory.GetFiles(fixture.Roots.CachePath, "file", SearchOption.AllDirectories))
            File.Delete(file);
        if (afterRestart)
            fixture.Reopen();

        using var after = await fixture.MakeAsync(root);

        Assert.Equal("here", File.ReadAllText(Path.Combine(after.Path, "sub/file")));
        Assert.Equal(Overlay ? 1 : 0, fixture.Roots.Statistics.DamagedTrees);
        before.Dispose();
        Assert.Equal(Overlay ? 1 : 0, fixture.Roots.PinnedTrees);
    }

    [SkippableTheory]
    [InlineData("private")]
    [InlineData("twice")]
    [InlineData("evicted")]
    public async Task After_a_restart_of_the_machine_files_that_are_not_the_stores_own_are_looked_into(string spoiled)
    {
        RootsFixture.Needs("overlay");
        using var fixture = new RootsFixture();
        var own = fixture.Tree.File("x", "a private copy");
        own.NodeProperties = new Reapi.NodeProperties { UnixMode = 0x1A4 };
        var root = fixture.Tree.Dir(("first", "of equal content"), ("twice", "of equal content"), ("private", own),
            ("evicted", "its blob goes"));
        (await fixture.MakeAsync(root)).Dispose();
        fixture.Store.Store.Delete(Blobs.DigestOf(Blobs.Bytes("its blob goes")));
        foreach (var file in Directory.GetFiles(fixture.Roots.CachePath, spoiled, SearchOption.AllDirectories))
            Shell.Run($"chmod u+w {file}; printf '\\0\\0' | dd of={file} conv=notrunc status=none", "/");
        AsBeforeARestart(fixture);

        using var again = await fixture.MakeAsync(root);

        Assert.Equal("of equal contentof equal contenta private copyits blob goes",
            Shell.Run("cat first twice private evicted", again.Path).Output);
        Assert.Equal(1, fixture.Roots.Statistics.DamagedTrees);
    }

    [SkippableFact]
    public async Task After_a_restart_of_the_machine_a_sound_tree_is_used_again()
    {
        RootsFixture.Needs("overlay");
        using var fixture = new RootsFixture();
        var root = fixture.Tree.Dir(("first", "of equal content"), ("twice", "of equal content"),
            ("evicted", "its blob goes"));
        (await fixture.MakeAsync(root)).Dispose();
        fixture.Store.Store.Delete(Blobs.DigestOf(Blobs.Bytes("its blob goes")));
        AsBeforeARestart(fixture);
        using var again = await fixture.MakeAsync(root);
        Assert.True(again.Cached);
    }

    [Fact]
    public async Task A_tree_made_before_the_machine_restarted_is_looked_through_before_it_is_used()
    {
        using var fixture = new RootsFixture();
        var root = fixture.Tree.Dir(("good", "good"), ("torn", "will be torn"));
        (await fixture.MakeAsync(root)).Dispose();
        foreach (var torn in Directory.GetFiles(fixture.Roots.CachePath, "torn", SearchOption.AllDirectories))
            Shell.Run($"chmod u+w {torn}; truncate -s 4 {torn}", "/");
        File.Delete(fixture.Store.BlobPath(Blobs.DigestOf(Blobs.Bytes("will be torn"))));
        fixture.Store.Store.Delete(Blobs.DigestOf(Blobs.Bytes("will be torn")));
        AsBeforeARestart(fixture);

        using var again = await fixture.MakeAsync(root);

        Assert.Equal("will be torn", File.ReadAllText(Path.Combine(again.Path, "torn")));
        Assert.Equal(Overlay ? 1 : 0, fixture.Roots.Statistics.DamagedTrees);
    }

    [Fact]
    public async Task A_blob_found_corrupt_takes_the_trees_that_link_to_it_along()
    {
        using var fixture = new RootsFixture();
        var root = fixture.Tree.Dir(("file", "sound"));
        var other = fixture.Tree.Dir(("file", "other"));
        (await fixture.MakeAsync(root)).Dispose();
        (await fixture.MakeAsync(other)).Dispose();
        var digest = Blobs.DigestOf(Blobs.Bytes("sound"));
        Shell.Run($"chmod u+w {fixture.Store.BlobPath(digest)}; printf broke > {fixture.Store.BlobPath(digest)}", "/");
        Assert.False(fixture.Store.Store.Verify(digest));

        using var again = await fixture.MakeAsync(root);
        Assert.Equal("sound", File.ReadAllText(Path.Combine(again.Path, "file")));
        Assert.Equal(Overlay ? 2 : 0, fixture.Roots.CacheUsage.Count);
    }

    [Fact]
    public async Task A_blob_found_wrong_when_the_store_is_opened_takes_along_the_trees_that_link_to_it()
    {
        using var fixture = new RootsFixture();
        var root = fixture.Tree.Dir(("file", "sound"), ("tool", fixture.Tree.File("tool", "a tool", executable: true)));
        var other = fixture.Tree.Dir(("file", "other"));
        (await fixture.MakeAsync(root)).Dispose();
        (await fixture.MakeAsync(other)).Dispose();
        fixture.Store.Corrupt(fixture.Store.BlobPath(Blobs.DigestOf(Blobs.Bytes("sound"))));
        fixture.Store.PretendRestart();
        fixture.Reopen(andStore: true);

        using var again = await fixture.MakeAsync(root);

        Assert.Equal("sound", File.ReadAllText(Path.Combine(again.Path, "file")));
        Assert.Equal("a tool", File.ReadAllText(Path.Combine(again.Path, "tool")));
        Assert.Equal(Overlay ? 2 : 0, fixture.Roots.CacheUsage.Count);
        using var kept = await fixture.MakeAsync(other);
        Assert.Equal(Overlay, kept.Cached);
    }

    [Fact]
    public async Task Two_processes_on_one_cache_root_do_not_meet()
    {
        using var fixture = new RootsFixture();
        using var other = fixture.Open("scratch-2");
        var root = fixture.Tree.Dir(("file", "x"));
        using var mine = await fixture.MakeAsync(root);
        using var theirs = await other.MaterialiseAsync(
            root, fixture.NewDestination(), fixture.Tree, CancellationToken.None);
        Assert.NotEqual(fixture.Roots.CachePath, other.CachePath);
        Assert.Equal("x", File.ReadAllText(Path.Combine(theirs.Path, "file")));
    }

    [Fact]
    public async Task NL_184_What_an_action_wrote_on_disk_is_renamed_into_the_store_not_copied()
    {
        using var fixture = new RootsFixture(configure: static settings => settings with { ScratchMemoryBytes = 0 });
        using var made = await fixture.MakeAsync(fixture.Tree.Dir(("input", "x")));
        var output = Path.Combine(Directory.CreateDirectory(Path.Combine(made.Path, "made")).FullName, "output");
        File.WriteAllText(output, "written by an action");
        var digest = BlobHasher.Compute("written by an action"u8, DigestFunction.Sha256);

        Assert.Equal(Overlay, made.UpperLayerPath(Path.Combine(made.Path, "input")) is null);
        var from = made.UpperLayerPath(output);
        Assert.NotNull(from);
        var inode = Inode(from);
        fixture.Store.Store.Adopt(from, digest);

        Assert.Equal(inode, Inode(fixture.Store.Store.Links.PathOf(digest)));
        Assert.False(File.Exists(from));
    }

    private static string Inode(string path) => Shell.Run($"stat -c %i '{path}'", "/").Output;

    [Fact]
    public async Task Roots_leave_no_mount_and_no_file_behind()
    {
        using var fixture = new RootsFixture();
        var root = fixture.Tree.Dir(("file", "x"));
        for (var i = 0; i < 5; i++)
        {
            using var made = await fixture.MakeAsync(root);
            File.WriteAllText(Path.Combine(made.Path, "output"), "y");
            Assert.Equal(fixture.Roots.Materialiser != "overlay",
                made.UpperLayerPath(Path.Combine(made.Path, "output")) is not null);
        }
        await fixture.Roots.Idle.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Empty(Directory.EnumerateFileSystemEntries(fixture.Store.Directory.At("work")));
        Assert.Empty(Directory.GetFiles(fixture.Store.Directory.At("scratch"), "*", SearchOption.AllDirectories));
        fixture.Roots.Dispose();
        Assert.DoesNotContain(fixture.Store.Directory.Path, File.ReadAllText("/proc/self/mountinfo"),
            StringComparison.Ordinal);
    }

    /// <summary>The records say that they were made under another kernel.</summary>
    private static void AsBeforeARestart(RootsFixture fixture)
    {
        foreach (var record in Directory.GetFiles(fixture.Roots.CachePath, "record", SearchOption.AllDirectories))
        {
            // The head names the boot; its text has a fixed place after the magic word.
            var bytes = File.ReadAllBytes(record);
            bytes[30] ^= 1;
            System.Security.Cryptography.SHA256.HashData(
                bytes.AsSpan(0, bytes.Length - 32), bytes.AsSpan(bytes.Length - 32));
            File.WriteAllBytes(record, bytes);
        }
        fixture.Reopen();
    }
}
