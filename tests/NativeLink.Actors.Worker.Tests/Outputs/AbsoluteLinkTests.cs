using System.Diagnostics;
using System.Globalization;
using NativeLink.Actors.Worker.Outputs;

namespace NativeLink.Actors.Worker.Tests.Outputs;

/// <summary>
/// An absolute link means nothing on another machine: what
/// it leads to arrives, or nothing does; relative ones stay.
/// </summary>
public sealed class AbsoluteLinkTests : OutputSpec
{
    /// <summary>As many as two ways through each may lead to: no output has more than two million entries.</summary>
    private const int Fans = 18;

    [Fact]
    public async Task NL_042_Inside_a_directory_absolute_links_become_copies_or_relative_and_relative_ones_stay()
    {
        Write("f", "x", executable: true);
        Write("d/e/file", "y");
        Write("other/below/g", "z");
        Link("other/up", "../f");
        Link("other/own", "below/g");
        Link("d/e/into", Path.Combine(Root, "f"));
        Link("d/e/self", Path.Combine(Root, "d/e"));
        Link("d/e/root", Root);
        Link("d/e/nowhere", Root + "/../../x");
        Link("d/e/null", "/dev/null");
        Link("d/e/relative", "../../f");
        Link("d/e/dangling", "nothing");
        Link("d/e/sibling", Path.Combine(Root, "d/e/file"));
        Link("d/e/chain", Path.Combine(Root, "d/e/relative"));
        Link("d/e/directory", Path.Combine(Root, "other"));

        var tree = TreeOf(Assert.Single((await UploadAsync(Outputs("d"))).OutputDirectories));
        var inner = tree.Children.Single(child => child.Files.Any(file => file.Name == "file"));
        Assert.Equal([("chain", true), ("file", false), ("into", true), ("null", false)],
            inner.Files.Select(file => (file.Name, file.IsExecutable)));
        Assert.Equal(["x", "y", "x"], inner.Files.Where(file => file.Digest.SizeBytes > 0)
            .Select(file => TextOf(file.Digest)));
        Assert.Equal(Digest.Empty(Function).ToWire(), inner.Files[3].Digest);
        Assert.Equal([("dangling", "nothing"), ("relative", "../../f"), ("self", "."), ("sibling", "file")],
            inner.Symlinks.Select(link => (link.Name, link.Target)));
        var copy = tree.Children.Single(child => child.Directories.Any(directory => directory.Name == "below"));
        Assert.Equal(["directory"], inner.Directories.Select(directory => directory.Name));
        Assert.Equal(["up"], copy.Files.Select(file => file.Name));
        Assert.Equal([("own", "below/g")], copy.Symlinks.Select(link => (link.Name, link.Target)));
    }

    [Fact]
    public async Task A_directory_where_a_file_was_declared_arrives_with_copies_for_its_absolute_links()
    {
        Write("d/foo", "hello");
        Write("d/bar/baz", "bla");
        Link("d/r", "foo");
        Link("d/a", Path.Combine(Root, "d/foo"));
        Link("d/rd", "bar");
        Link("d/ad", Path.Combine(Root, "d/bar"));
        Link("d/round", Path.Combine(Root, "d"));
        Link("copy", Path.Combine(Root, "d"));

#pragma warning disable CS0612 // Deprecated in REAPI, but this is what Bazel 4 sends.
        var result = await UploadAsync(new Reapi.Command { OutputFiles = { "d", "copy" } });
#pragma warning restore CS0612
        Assert.Equal(["copy", "d"], result.OutputDirectories.Select(directory => directory.Path).Order());
        foreach (var tree in result.OutputDirectories.Select(TreeOf))
        {
            Assert.Equal(["a", "foo"], tree.Root.Files.Select(file => file.Name));
            Assert.Equal(["ad", "bar"], tree.Root.Directories.Select(directory => directory.Name));
            Assert.Equal([("r", "foo"), ("rd", "bar"), ("round", ".")],
                tree.Root.Symlinks.Select(link => (link.Name, link.Target)));
        }
    }

    [Fact]
    public async Task Where_a_file_was_declared_what_leads_round_in_a_circle_stays_as_relative_links_and_costs_little()
    {
        const int Directories = 14;
        Write("d/file", "x");
        Link("d/self", Path.Combine(Root, "d"));
        Link("d/copy", Path.Combine(Root, "d/file"));
        // Each has links to all: there are more ways round than anybody could try.
        for (var i = 0; i < Directories; i++)
        {
            for (var j = 0; j < Directories; j++)
                Link(string.Create(CultureInfo.InvariantCulture, $"d/{i:00}/{j:00}"),
                    Path.Combine(Root, string.Create(CultureInfo.InvariantCulture, $"d/{j:00}")));
        }
#pragma warning disable CS0612 // Deprecated in REAPI, but older clients send these lists.
        var tree = TreeOf(Assert.Single((await UploadAsync(new Reapi.Command
        {
            OutputFiles = { "d" },
        })).OutputDirectories));
#pragma warning restore CS0612
        Assert.Equal(["copy", "file"], tree.Root.Files.Select(file => file.Name));
        Assert.Equal([("self", ".")], tree.Root.Symlinks.Select(link => (link.Name, link.Target)));
        Assert.Equal(Directories, tree.Root.Directories.Count);
        Assert.All(tree.Children, child => Assert.Equal(Directories, child.Symlinks.Count));
    }

    [Fact]
    public async Task A_link_into_the_view_of_a_process_leads_nowhere_and_tells_nothing_of_the_worker()
    {
        Write("d/f", "x");
        string[] targets = ["/proc/self/environ", "/proc/self/fd/0", "/proc/self/root/etc/hostname", "/proc/self",
            "/proc"];
        for (var i = 0; i < targets.Length; i++)
        {
            Link(string.Create(CultureInfo.InvariantCulture, $"l{i}"), targets[i]);
            Link(string.Create(CultureInfo.InvariantCulture, $"d/l{i}"), targets[i]);
        }
        var result = await UploadAsync(Outputs("d", "l0", "l1", "l2", "l3", "l4"));
        Assert.Empty(result.OutputFiles);
        Assert.Equal(["f"], TreeOf(Assert.Single(result.OutputDirectories)).Root.Files.Select(file => file.Name));
    }

    [Fact]
    public async Task Links_that_lead_round_in_a_circle_end_and_links_that_fan_out_cost_each_directory_once()
    {
        Link("a/to-b", Path.Combine(Root, "b"));
        Link("b/to-a", Path.Combine(Root, "a"));
        Write("b/f", "b");
        foreach (var (name, ways) in new[] { ("chain", 1), ("fan", 2) })
        {
            for (var i = 0; i < Fans; i++)
            {
                for (var j = 0; j < ways; j++)
                    Link($"{name}/{i}/{j}", Path.Combine(Root, name, (i + 1).ToString(CultureInfo.InvariantCulture)));
            }
        }
        Write($"chain/{Fans}/f", "the end");
        Write($"fan/{Fans}/f", "the end");
        var began = Stopwatch.GetTimestamp();
        await UploadAsync(Outputs("chain/0"));
        var chain = Stopwatch.GetElapsedTime(began);
        began = Stopwatch.GetTimestamp();
        var result = await UploadAsync(Outputs("a", "b", "fan/0"));
        var fan = Stopwatch.GetElapsedTime(began);
        // By the measure of this machine; were each way walked, there would be half a million.
        Assert.True(fan < (20 * chain) + TimeSpan.FromSeconds(4), $"{fan}, and {chain} with one way");
        Assert.Equal(["a", "b", "fan/0"], result.OutputDirectories.Select(directory => directory.Path));
        Assert.Equal([("to-b", 1)], TreeOf(result.OutputDirectories[0]).Root.Directories.Select(
            child => (child.Name, TreeOf(result.OutputDirectories[0]).Children.Count)));
        Assert.Equal(["f"], TreeOf(result.OutputDirectories[0]).Children[0].Files.Select(file => file.Name));
        Assert.Equal(["to-a"], TreeOf(result.OutputDirectories[1]).Root.Directories.Select(child => child.Name));
        Assert.Equal(Fans, TreeOf(result.OutputDirectories[2]).Children.Count);
    }

    [Fact]
    public async Task One_output_under_many_spellings_and_names_is_hashed_once()
    {
        Write("d/big", "content");
        Link("d/hard", Path.Combine(Root, "d"));
        Link("link", Path.Combine(Root, "d"));
        Link("file", Path.Combine(Root, "d/big"));
        var spellings = Enumerable.Range(0, 300).Select(i => string.Concat(Enumerable.Repeat("./", i)) + "d").ToArray();
        var command = Outputs([.. spellings, .. spellings.Select(path => path + "/big"), "link", "file"]);
        var found = OutputScanner.Scan(new NativeFiles(), Plan(command));
        Assert.Equal((301, 301), (found.Files.Count, found.Directories.Count));
        Assert.Single(found.AllFiles);
        Assert.Equal(2, found.Directories.Select(entry => entry.Directory).Distinct().Count());
        var result = await UploadAsync(command);
        Assert.Equal((301, 301), (result.OutputFiles.Count, result.OutputDirectories.Count));
    }
}
