using Google.Protobuf.WellKnownTypes;
using NativeLink.Actors.Storage.DirectoryCache;
using NativeLink.Actors.Storage.Materialisers;
using NativeLink.Actors.Storage.Tests.Trees;

namespace NativeLink.Actors.Storage.Tests.Materialisers;

/// <summary>Input trees on a real disk, made in each of the ways that work here.</summary>
public class MaterialisationTests
{
    [SkippableTheory]
    [MemberData(nameof(RootsFixture.Materialisers), MemberType = typeof(RootsFixture))]
    public async Task NL_001_NL_007_Contents_modes_and_times_are_each_files_own(string materialiser)
    {
        RootsFixture.Needs(materialiser);
        using var fixture = new RootsFixture(materialiser);
        var tree = fixture.Tree;
        var stamped = tree.File("x", "HELLOFILE2", executable: true);
        stamped.NodeProperties = new Reapi.NodeProperties { UnixMode = 0x1C8, Mtime = new Timestamp { Seconds = 5 } };
        using var root = await fixture.MakeAsync(tree.Dir(
            ("file1.txt", "HELLOFILE1"), ("file2.exec", stamped), ("same.exec",
                tree.File("x", "same", executable: true)), ("same.txt", tree.File("x", "same"))));

        Assert.Equal("HELLOFILE1", File.ReadAllText(Path.Combine(root.Path, "file1.txt")));
        Assert.Equal("HELLOFILE2", File.ReadAllText(Path.Combine(root.Path, "file2.exec")));
        Assert.Equal("711 5\n", Shell.Run("stat -c '%a %Y' file2.exec", root.Path).Output);
        Assert.Equal("555 444\n", Shell.Run("echo $(stat -c %a same.exec same.txt)", root.Path).Output);
    }

    [SkippableTheory]
    [MemberData(nameof(RootsFixture.Materialisers), MemberType = typeof(RootsFixture))]
    public async Task NL_002_NL_004_Directories_empty_ones_too_and_symbolic_links_are_made(string materialiser)
    {
        RootsFixture.Needs(materialiser);
        using var fixture = new RootsFixture(materialiser);
        var tree = fixture.Tree;
        using var root = await fixture.MakeAsync(tree.Dir(
            ("file1.txt", "one"), ("symlink_file", new Reapi.SymlinkNode { Target = "file1.txt" }), ("folder1",
                tree.Dir(("file1.txt", "in folder"))), ("folder2", tree.Dir())));

        Assert.Equal("in folder", File.ReadAllText(Path.Combine(root.Path, "folder1/file1.txt")));
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(root.Path, "folder2")));
        Assert.Equal("file1.txt", new FileInfo(Path.Combine(root.Path, "symlink_file")).LinkTarget);
        Assert.Equal("one", File.ReadAllText(Path.Combine(root.Path, "symlink_file")));
    }

    [SkippableTheory]
    [MemberData(nameof(RootsFixture.Materialisers), MemberType = typeof(RootsFixture))]
    public async Task NL_005_A_deep_mixed_tree_is_complete_and_stamped_files_are_private(string materialiser)
    {
        RootsFixture.Needs(materialiser);
        using var fixture = new RootsFixture(materialiser);
        var tree = fixture.Tree;
        var stamped = tree.File("x", "stamped");
        stamped.NodeProperties = new Reapi.NodeProperties { UnixMode = 0x1A0, Mtime = new Timestamp { Seconds = 42 } };
        var deep = tree.Dir(
            ("exec.sh", tree.File("x", "#!/bin/sh\necho ran", executable: true)), ("stamped", stamped), ("zero", ""),
            ("link", new Reapi.SymlinkNode { Target = "exec.sh" }));
        using var root = await fixture.MakeAsync(
            tree.Dir(("top", "t"), ("a", tree.Dir(("middle", "m"), ("b", tree.Dir(("low", "l"), ("c", deep)))))));

        Assert.Equal("tml", Shell.Run("cat top a/middle a/b/low", root.Path).Output);
        Assert.Equal("640 42 1\n", Shell.Run("stat -c '%a %Y %h' a/b/c/stamped", root.Path).Output);
        Assert.Equal("0 exec.sh ran\n",
            Shell.Run("cd a/b/c; echo $(stat -c %s zero) $(readlink link) $(./link)", root.Path).Output);
        Assert.Equal("555\n", Shell.Run("stat -c %a a/b/c/exec.sh", root.Path).Output);
    }

    [SkippableTheory]
    [MemberData(nameof(RootsFixture.Materialisers), MemberType = typeof(RootsFixture))]
    public async Task NL_011_Blobs_may_go_while_their_action_runs_but_its_files_stay(string materialiser)
    {
        RootsFixture.Needs(materialiser);
        using var store = new StoreFixture(static options => options with { MaxCount = 1 },
            below: RootsFixture.DiskFor(materialiser));
        Directory.CreateDirectory(store.Directory.At("work"));
        var tree = new TestTree(store.Store);
        using var roots = InputRoots.Open(
            new DirectoryCacheSettings(store.Directory.At("cache"), store.Directory.At("scratch"))
            {
                ForcedMaterialiser = materialiser,
                ScratchMemoryBytes = 1 << 20,
            },
            store.Store, TimeProvider.System);
        var root = tree.Dir(("input.txt", "the input"));
        var input = Blobs.DigestOf("the input"u8.ToArray());

        using var made = await roots.MaterialiseAsync(
            root, store.Directory.At("work", "root"), tree, CancellationToken.None);
        store.Store.Put("pressure");

        Assert.False(store.Store.Contains(input));
        Assert.Equal("the input", File.ReadAllText(Path.Combine(made.Path, "input.txt")));
    }

    [Fact]
    public async Task NL_136_Two_roots_with_shared_subtrees_are_two_entries()
    {
        using var fixture = new RootsFixture();
        var shared = fixture.Tree.Dir(("a", "shared"), ("b", fixture.Tree.Dir(("c", "below"))));
        foreach (var own in (string[])["one", "two"])
            (await fixture.MakeAsync(fixture.Tree.Dir(("own", own), ("shared", shared)))).Dispose();
        Assert.Equal(RootsFixture.OverlayWorks ? 2 : 0, fixture.Roots.CacheUsage.Count);
    }
}
