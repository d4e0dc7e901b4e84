using Google.Protobuf.WellKnownTypes;
using NativeLink.Actors.Storage.Tests.Materialisers;
using NativeLink.Actors.Storage.Trees;

namespace NativeLink.Actors.Storage.Tests.Trees;

/// <summary>
/// Small messages that stand for much, and values that no file
/// can have: refused once, clearly, at a cost like their size.
/// </summary>
[Collection(nameof(Alone))]
public class HostileTreeTests
{
    [Fact]
    public async Task A_path_longer_than_the_system_takes_is_the_actions_fault_and_a_tree_just_below_it_is_cached()
    {
        using var fixture = new RootsFixture();
        Digest Deep(int last)
        {
            var deep = fixture.Tree.Dir((new string('f', last), "x"));
            for (var i = 0; i < 20; i++)
                deep = fixture.Tree.Dir((new string('d', 199), deep));
            return deep;
        }
        for (var i = 0; i < 2; i++)
        {
            var fault = (await fixture.FailAsync(Deep(96))).Fault;
            Assert.Equal((FaultKind.Action, Grpc.Core.StatusCode.InvalidArgument), (fault.Kind, fault.Code!.Value));
            Assert.Contains("a path of 4096 bytes, more than 4095", fault.Detail, StringComparison.Ordinal);
        }
        (await fixture.MakeAsync(Deep(95))).Dispose();
        using var again = await fixture.MakeAsync(Deep(95));
        Assert.True(again.Cached);
        Assert.Equal(0, fixture.Roots.Statistics.DamagedTrees);
    }

    [Fact]
    public async Task Directories_with_long_names_cost_what_their_messages_have_and_their_paths_are_bounded_in_all()
    {
        using var fixture = new RootsFixture(
            configure: static settings => settings with { Limits = new TreeLimits { MaxPath = long.MaxValue } });
        var chain = fixture.Tree.Dir();
        for (var i = 0; i < 900; i++)
            chain = fixture.Tree.Dir((new string('a', 255), chain),
                (new string('b', 250) + $"{i:D5}", fixture.Tree.Dir(($"f{i}", ""))));
        var before = GC.GetTotalAllocatedBytes(precise: true);
        var fault = (await fixture.FailAsync(chain)).Fault;
        Assert.InRange(GC.GetTotalAllocatedBytes(precise: true) - before, 0, 40_000_000);
        Assert.Equal(FaultKind.Action, fault.Kind);
        Assert.Contains("paths have", fault.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(9_223_372_037, 0)]
    [InlineData(-9_223_372_037, 0)]
    [InlineData(long.MaxValue, 0)]
    [InlineData(long.MinValue, 0)]
    [InlineData(5, -1)]
    [InlineData(5, 1_000_000_000)]
    public async Task A_time_that_no_file_can_have_is_refused_and_not_wrapped(long seconds, int nanos)
    {
        using var fixture = new RootsFixture();
        var file = fixture.Tree.File("x", "content");
        file.NodeProperties = new Reapi.NodeProperties { Mtime = new Timestamp { Seconds = seconds, Nanos = nanos } };
        var fault = (await fixture.FailAsync(fixture.Tree.Dir(("dir", fixture.Tree.Dir(("file", file)))))).Fault;
        Assert.Equal(FaultKind.Action, fault.Kind);
        Assert.Contains("directory 'dir', entry 'file': its mtime", fault.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_time_before_1970_is_kept_to_the_nanosecond()
    {
        using var fixture = new RootsFixture();
        var file = fixture.Tree.File("x", "content");
        file.NodeProperties = new Reapi.NodeProperties
        {
            Mtime = new Timestamp { Seconds = -1_000_000, Nanos = 250_000_000 },
        };
        using var root = await fixture.MakeAsync(fixture.Tree.Dir(("file", file)));
        Assert.Equal(DateTime.UnixEpoch.AddSeconds(-999_999.75),
            File.GetLastWriteTimeUtc(Path.Combine(root.Path, "file")));
    }

    [SkippableTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task One_changed_directory_is_asked_for_by_itself_also_after_a_restart_and_below_a_single_directory(
        bool restarted)
    {
        RootsFixture.Needs("overlay");
        using var fixture = new RootsFixture();
        var tree = fixture.Tree;
        Digest Root(string changed) => tree.Dir(("src", tree.Dir(("main", tree.Dir(
            ("a", tree.Dir(("f", changed), ("deep", tree.Dir(("g", "g"))))), ("b", tree.Dir(("h", "h"))), ("c",
                tree.Dir(("i", "i"))))))));
        (await fixture.MakeAsync(Root("before"))).Dispose();
        var welcome = tree.WholeTreesWelcome;
        Assert.NotEqual(0, welcome);
        if (restarted)
            fixture.Reopen();
        var asked = tree.DirectoriesAsked;
        (await fixture.MakeAsync(Root("after"))).Dispose();
        // The root, src, main and a.
        Assert.Equal((welcome, 4), (tree.WholeTreesWelcome, tree.DirectoriesAsked - asked));
    }
}
