using NativeLink.Actors.Storage.Materialisers;
using NativeLink.Actors.Storage.Trees;

namespace NativeLink.Actors.Storage.Tests.Materialisers;

public class InputRootsTests
{
    [SkippableTheory]
    [MemberData(nameof(RootsFixture.Materialisers), MemberType = typeof(RootsFixture))]
    public async Task NL_130_NL_146_A_tree_looks_the_same_at_a_miss_and_at_a_hit(string materialiser)
    {
        RootsFixture.Needs(materialiser);
        using var fixture = new RootsFixture(materialiser);
        var tree = fixture.Tree;
        var root = tree.Dir(
            ("plain", "hello"),
            ("program", tree.File("x", "#!/bin/sh\necho ran", executable: true)),
            ("empty", ""),
            ("link", new Reapi.SymlinkNode { Target = "nowhere/at/all" }),
            ("sub", tree.Dir(("deep", tree.Dir(("inner", "text"))), ("void", tree.Dir()))));

        using var first = await fixture.MakeAsync(root);
        using var second = await fixture.MakeAsync(root);

        Assert.False(first.Cached);
        Assert.True(second.Cached);
        foreach (var made in (IInputRoot[])[first, second])
        {
            Assert.Equal(materialiser, made.Materialiser);
            Assert.Equal("hello", File.ReadAllText(Path.Combine(made.Path, "plain")));
            Assert.Equal("text", File.ReadAllText(Path.Combine(made.Path, "sub/deep/inner")));
            Assert.Equal("", File.ReadAllText(Path.Combine(made.Path, "empty")));
            Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(made.Path, "sub/void")));
            Assert.Equal("nowhere/at/all", new FileInfo(Path.Combine(made.Path, "link")).LinkTarget);
            Assert.Equal((0, "ran\n"), Shell.Run("./program", made.Path));
            Assert.Equal("444 555 444 755 755\n", Shell.Run(
                "echo $(stat -c %a plain program empty sub sub/deep)", made.Path).Output);
        }
        Assert.Equal(1, tree.FetchCalls - (materialiser == "overlay" ? 0 : 1));
        Assert.DoesNotContain(tree.Fetched, static digest => digest.IsEmpty);
    }

    [SkippableTheory]
    [MemberData(nameof(RootsFixture.Materialisers), MemberType = typeof(RootsFixture))]
    public async Task An_action_that_tries_everything_cannot_spoil_the_store_or_the_next_root(string materialiser)
    {
        RootsFixture.Needs(materialiser);
        using var fixture = new RootsFixture(materialiser);
        await Protection.CheckAsync(fixture);
    }

    [SkippableTheory]
    [MemberData(nameof(RootsFixture.Materialisers), MemberType = typeof(RootsFixture))]
    public async Task Node_properties_give_a_file_its_mode_and_time_and_an_inode_of_its_own(string materialiser)
    {
        RootsFixture.Needs(materialiser);
        using var fixture = new RootsFixture(materialiser);
        var file = fixture.Tree.File("x", "with properties", executable: true);
        file.NodeProperties = new Reapi.NodeProperties
        {
            UnixMode = 0x1A0,
            Mtime = new Google.Protobuf.WellKnownTypes.Timestamp { Seconds = 1_000_000_000, Nanos = 5 },
        };
        using var root = await fixture.MakeAsync(fixture.Tree.Dir(("special", file), ("same", "with properties")));

        Assert.Equal("751 1000000000\n", Shell.Run("stat -c '%a %Y' special", root.Path).Output);
        Assert.Equal("444\n", Shell.Run("stat -c %a same", root.Path).Output);
    }

    [Theory]
    [InlineData("", "empty")]
    [InlineData(".", "lead out")]
    [InlineData("..", "lead out")]
    [InlineData("a/b", "slash")]
    [InlineData("a\0b", "NUL")]
    public async Task A_name_that_could_escape_is_the_actions_fault_and_names_directory_and_entry(
        string name, string why)
    {
        using var fixture = new RootsFixture();
        var root = fixture.Tree.Dir(("outer", fixture.Tree.Dir((name, "evil"))));

        var fault = (await fixture.FailAsync(root)).Fault;

        Assert.Equal((FaultKind.Action, Grpc.Core.StatusCode.InvalidArgument), (fault.Kind, fault.Code));
        Assert.Contains("'outer'", fault.Detail, StringComparison.Ordinal);
        Assert.Contains(why, fault.Detail, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(fixture.Store.Directory.At("work")));
    }

    [Fact]
    public async Task A_name_that_appears_twice_in_any_of_the_lists_is_refused()
    {
        using var fixture = new RootsFixture();
        var root = fixture.Tree.Dir(("twice", "file"), ("twice", new Reapi.SymlinkNode { Target = "x" }));

        Assert.Contains("'twice': the name appears twice", (await fixture.FailAsync(root)).Fault.Detail,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Trees_above_the_limits_are_refused_before_anything_is_fetched()
    {
        using var fixture = new RootsFixture(configure: static settings =>
            settings with { Limits = new TreeLimits { MaxDepth = 20, MaxEntries = 1000, MaxBytes = 1000 } });
        var tree = fixture.Tree;
        var deep = tree.Dir(("file", "x"));
        for (var i = 0; i < 25; i++)
            deep = tree.Dir(("d", deep));
        // Twelve directories on disk, but each shows up twice in its parent: 2^12 in all.
        var doubled = tree.Dir(("file", "x"));
        for (var i = 0; i < 12; i++)
            doubled = tree.Dir(("left", doubled), ("right", doubled));

        Assert.Contains("deeper than 20", (await fixture.FailAsync(deep)).Fault.Detail, StringComparison.Ordinal);
        Assert.Contains("more than 1000", (await fixture.FailAsync(doubled)).Fault.Detail, StringComparison.Ordinal);
        Assert.Contains("2000 bytes", (await fixture.FailAsync(tree.Dir(("big", new string('x', 2000))))).Fault.Detail,
            StringComparison.Ordinal);
        Assert.Equal(0, tree.FetchCalls);
    }

    [Fact]
    public async Task NL_129_NL_139_Everything_that_is_missing_is_named_at_once_and_nothing_is_left_behind()
    {
        using var fixture = new RootsFixture();
        var tree = fixture.Tree;
        var (gone, lost) = (tree.Dir(("x", "in a lost directory")), tree.File("f", "lost file"));
        var root = tree.Dir(("gone", gone), ("kept", tree.Dir(("lost", lost), ("here", "present"))));
        var (directory, content) = (tree.Directories[gone],
            tree.Files[Digest.FromWire(lost.Digest, DigestFunction.Sha256, "f")]);
        tree.Directories.Remove(gone);
        tree.Files.Remove(Blobs.DigestOf(content));

        var fault = (await fixture.FailAsync(root)).Fault;

        Assert.Equal(FaultKind.Missing, fault.Kind);
        Assert.Equal(((Digest[])[gone, Blobs.DigestOf(content)]).Order(), fault.Missing.Order());
        Assert.Equal(0, fixture.Roots.PinnedTrees);
        Assert.Empty(Directory.EnumerateFileSystemEntries(fixture.Roots.CachePath, "new-*"));

        tree.Directories[gone] = directory;
        tree.Files[Blobs.DigestOf(content)] = content;
        using var made = await fixture.MakeAsync(root);
        Assert.Equal("lost file", File.ReadAllText(Path.Combine(made.Path, "kept/lost")));
    }

    [Fact]
    public async Task NL_149_Many_callers_for_one_root_share_one_construction()
    {
        using var fixture = new RootsFixture();
        var root = fixture.Tree.Large(200, 10);
        var everybodyIsHere = new TaskCompletionSource();
        fixture.Tree.BeforeFetch = _ => everybodyIsHere.Task;

        var callers = Enumerable.Range(0, 8).Select(_ => fixture.MakeAsync(root)).ToList();
        everybodyIsHere.SetResult();
        var roots = await Task.WhenAll(callers);

        Assert.Equal(6, fixture.Tree.DirectoryCalls);
        Assert.All(
            roots, made => Assert.Equal(200, Directory.GetFiles(made.Path, "*", SearchOption.AllDirectories).Length));
        foreach (var made in roots)
            made.Dispose();
        Assert.Equal(0, fixture.Roots.PinnedTrees);
    }

    [Fact]
    public async Task NL_140_One_callers_cancellation_leaves_the_others_their_root_and_the_last_ones_ends_the_work()
    {
        using var fixture = new RootsFixture();
        var root = fixture.Tree.Dir(("file", "slow to come"));
        var (proceed, cancelled) = (new TaskCompletionSource(), new TaskCompletionSource());
        fixture.Tree.BeforeFetch = async token =>
        {
            await using var _ = token.Register(() => cancelled.TrySetResult());
            await proceed.Task.WaitAsync(token);
        };
        using var impatient = new CancellationTokenSource();

        var (first, second) = (fixture.MakeAsync(root, impatient.Token), fixture.MakeAsync(root));
        await impatient.CancelAsync();
        Assert.Equal(FaultKind.Aborted, (await Assert.ThrowsAsync<FaultException>(() => first)).Fault.Kind);
        if (fixture.Roots.Materialiser == "overlay")
            Assert.False(cancelled.Task.IsCompleted);
        proceed.SetResult();
        (await second).Dispose();

        var other = fixture.Tree.Dir(("other", "never comes"));
        (proceed, cancelled) = (new TaskCompletionSource(), new TaskCompletionSource());
        using var alone = new CancellationTokenSource();
        var third = fixture.MakeAsync(other, alone.Token);
        await alone.CancelAsync();
        await Assert.ThrowsAsync<FaultException>(() => third);
        // The work notices a moment after its last caller has gone.
        Assert.True(SpinWait.SpinUntil(() => fixture.Roots.PinnedTrees == 0, TimeSpan.FromSeconds(30)));
    }

    [Fact]
    public async Task NL_204_A_blob_that_vanishes_between_fetch_and_link_is_fetched_once_more()
    {
        using var fixture = new RootsFixture();
        var (tree, store) = (fixture.Tree, fixture.Store);
        var root = tree.Dir(("file", "flaky"));
        var digest = Blobs.DigestOf(Blobs.Bytes("flaky"));
        store.Store.Put("flaky");
        // The store knows the blob, so the first fetch does not write it; its file is gone.
        File.Delete(store.BlobPath(digest));

        using var made = await fixture.MakeAsync(root);

        Assert.Equal("flaky", File.ReadAllText(Path.Combine(made.Path, "file")));
        Assert.Equal(2, tree.FetchCalls);
    }

    [Fact]
    public void The_description_says_what_was_chosen_and_why_nothing_better()
    {
        using var fixture = new RootsFixture();
        Assert.StartsWith($"input roots by {fixture.Roots.Materialiser}: ", fixture.Roots.Description,
            StringComparison.Ordinal);
        using var copy = new RootsFixture("copy");
        Assert.Contains("by copy: as configured", copy.Roots.Description, StringComparison.Ordinal);
        var fault = Assert.Throws<FaultException>(() => new RootsFixture("magic")).Fault;
        Assert.Contains("'magic' does not exist; it is one of overlay, reflink, hardlink, copy", fault.Detail,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Forced_hard_links_are_checked_after_the_run_and_what_was_changed_leaves_the_store()
    {
        using var fixture = new RootsFixture("hardlink");
        var root = fixture.Tree.Dir(("good", "good"), ("bad", "innocent"),
            ("tool", fixture.Tree.File("x", "#!/bin/sh", executable: true)));
        using (var made = await fixture.MakeAsync(root))
            Assert.Equal(
                0, Shell.Run("chmod u+w bad && echo spoiled > bad && rm good && chmod 777 tool", made.Path).ExitCode);

        Assert.False(fixture.Store.Store.Contains(Blobs.DigestOf(Blobs.Bytes("innocent"))));
        Assert.True(fixture.Store.Store.Contains(Blobs.DigestOf(Blobs.Bytes("good"))));
        using var next = await fixture.MakeAsync(root);
        Assert.Equal("innocent", File.ReadAllText(Path.Combine(next.Path, "bad")));
        Assert.Equal("555\n", Shell.Run("stat -c %a tool", next.Path).Output);
    }
}
