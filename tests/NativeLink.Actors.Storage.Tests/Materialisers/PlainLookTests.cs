namespace NativeLink.Actors.Storage.Tests.Materialisers;

/// <summary>
/// A root looks as a plain directory of its inputs
/// would: one constant time, and an inode for each path.
/// </summary>
public class PlainLookTests
{
    private const string Listing = "find . -printf '%T@ %p\\n' | sort -k 2";

    [SkippableTheory]
    [MemberData(nameof(RootsFixture.Materialisers), MemberType = typeof(RootsFixture))]
    public async Task Every_input_has_the_one_time_at_a_miss_at_a_hit_and_in_a_delta(string materialiser)
    {
        RootsFixture.Needs(materialiser);
        using var fixture = new RootsFixture(materialiser);
        var (whole, changed) = (Tree(fixture, "one"), Tree(fixture, "two"));

        foreach (var tree in (Digest[])[whole, whole, changed, changed])
        {
            using var root = await fixture.MakeAsync(tree);
            var lines = Shell.Run(Listing, root.Path).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
            Assert.Equal(9, lines.Length);
            Assert.All(
                lines, static line => Assert.StartsWith("946684800.0000000000 ", line, StringComparison.Ordinal));
        }
    }

    [SkippableTheory]
    [MemberData(nameof(RootsFixture.Materialisers), MemberType = typeof(RootsFixture))]
    public async Task Stores_of_an_earlier_version_and_files_of_another_program_get_the_time_too(string materialiser)
    {
        RootsFixture.Needs(materialiser);
        using var fixture = new RootsFixture(materialiser);
        var tree = Tree(fixture, "one");
        (await fixture.MakeAsync(tree)).Dispose();
        foreach (var digest in fixture.Tree.Files.Keys.Where(static digest => !digest.IsEmpty))
        {
            File.SetLastWriteTimeUtc(fixture.Store.BlobPath(digest), DateTime.UnixEpoch.AddDays(20_000));
            if (File.Exists(fixture.Store.ExecutableCopyPath(digest)))
                File.SetLastWriteTimeUtc(fixture.Store.ExecutableCopyPath(digest), DateTime.UnixEpoch.AddDays(20_000));
        }

        fixture.Reopen(andStore: true);
        var late = fixture.Tree.File("late", "put there by another program while this one runs");
        await File.WriteAllTextAsync(fixture.Store.BlobPath(Digest.FromWire(
            late.Digest, DigestFunction.Sha256, "late")), "put there by another program while this one runs");

        using var root = await fixture.MakeAsync(fixture.Tree.Dir(("tree", tree), ("late", late)));
        Assert.DoesNotContain(
            Shell.Run(Listing, root.Path).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries),
            static line => !line.StartsWith("946684800.0", StringComparison.Ordinal));
    }

    [SkippableTheory]
    [MemberData(nameof(RootsFixture.Materialisers), MemberType = typeof(RootsFixture))]
    public async Task Paths_of_equal_content_are_inodes_of_their_own_also_between_a_delta_and_its_base(
        string materialiser)
    {
        RootsFixture.Needs(materialiser);
        using var fixture = new RootsFixture(materialiser);
        var tree = fixture.Tree;
        var twice = tree.Dir(("base.h", "#define BASE"), ("tool", tree.File("x", "#!/bin/sh", executable: true)),
            ("void", ""));
        var first = new (string, object)[] { ("a", twice), ("b", twice), ("again.h", "#define BASE"),
            ("also", tree.File("x", "#!/bin/sh", executable: true)) };
        var many = Enumerable.Range(0, 40).Select(i => ($"m{i}", (object)$"file {i}")).ToArray();

        foreach (var digest in (Digest[])[tree.Dir([.. first, .. many]),
            tree.Dir([.. first, .. many, ("late.h", "#define BASE"), ("m0-again", "file 0"), ("new", "new")])])
        {
            using var root = await fixture.MakeAsync(digest);
            Assert.Equal("", Shell.Run("find . -type f -printf '%D %i\\n' | sort | uniq -d", root.Path).Output);
            Assert.Equal("#define BASE#define BASE#define BASE",
                Shell.Run("cat a/base.h b/base.h again.h", root.Path).Output);
        }
        if (materialiser == "overlay")
            Assert.Equal(1, fixture.Roots.Statistics.Deltas);
    }

    [SkippableFact]
    public async Task A_content_that_is_there_once_stays_a_link_to_the_stores_file()
    {
        RootsFixture.Needs("overlay");
        using var fixture = new RootsFixture("overlay");
        using var root = await fixture.MakeAsync(
            fixture.Tree.Dir(("one", "once"), ("two", "twice"), ("three", "twice")));
        Assert.Equal(
            "2\n2\n1\n", Shell.Run("for f in one two three; do stat -c %h $f; done | sort -r", root.Path).Output);
    }

    private static Digest Tree(RootsFixture fixture, string changed)
    {
        var many = Enumerable.Range(0, 2).Select(i => ($"f{i}", (object)$"file {i}")).ToArray();
        return fixture.Tree.Dir([
            .. many,
            ("tool", fixture.Tree.File("x", "#!/bin/sh\n", executable: true)),
            ("empty", ""),
            ("link", new Reapi.SymlinkNode { Target = "nowhere" }),
            ("d", fixture.Tree.Dir(("changed", changed), ("void", fixture.Tree.Dir())))]);
    }
}
