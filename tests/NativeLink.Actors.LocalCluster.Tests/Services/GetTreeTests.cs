using Google.Protobuf;
using Grpc.Core;
using NativeLink.Actors.LocalCluster.Tests.Host;

namespace NativeLink.Actors.LocalCluster.Tests.Services;

public sealed class GetTreeTests
{
    [Fact]
    public async Task NL_330_A_small_tree_comes_in_one_message_root_first_then_the_children_in_order()
    {
        await using var cluster = await RunningCluster.StartAsync();
        var (root, directories) = PutFiveChildren(cluster);
        var page = Assert.Single(await ReadAsync(cluster, new() { RootDigest = root }));
        Assert.Equal(directories, page.Directories);
        Assert.Equal("", page.NextPageToken);
    }

    [Fact]
    public async Task NL_331_Pages_follow_each_other_by_their_tokens()
    {
        await using var cluster = await RunningCluster.StartAsync();
        var (root, directories) = PutFiveChildren(cluster);
        foreach (var first in new[] { "", Token(directories[0]) })
        {
            var token = first;
            for (var at = 0; at < 6; at += 2)
            {
                var page = Assert.Single(await ReadAsync(cluster, new()
                {
                    RootDigest = root,
                    PageSize = 2,
                    PageToken = token,
                }));
                Assert.Equal(directories[at..(at + 2)], page.Directories);
                token = at == 4 ? "" : Token(directories[at + 2]);
                Assert.Equal(token, page.NextPageToken);
            }
        }
    }

    [Fact]
    public async Task Repeated_directories_come_once_and_large_trees_in_messages_that_clients_take()
    {
        await using var cluster = await RunningCluster.StartAsync();
        var root = new Reapi.Directory();
        for (var i = 0; i < 100; i++)
        {
            var big = new Reapi.Directory
            {
                Symlinks = { new Reapi.SymlinkNode { Name = $"link{i}", Target = new string('x', 100_000) } },
            };
            root.Directories.Add(Node(cluster, $"one{i:D3}", big));
            root.Directories.Add(Node(cluster, $"two{i:D3}", big));
        }
        var pages = await ReadAsync(cluster, new() { RootDigest = cluster.Put(root.ToByteArray()).ToWire() });
        Assert.Equal(101, pages.Sum(page => page.Directories.Count));
        Assert.All(pages, page => Assert.InRange(page.CalculateSize(), 1, 3 << 20));
        Assert.Equal("", pages[^1].NextPageToken);
    }

    [Fact]
    public async Task What_is_missing_below_the_root_or_is_not_a_directory_is_left_out()
    {
        await using var cluster = await RunningCluster.StartAsync();
        var lost = Blobs.DigestOf("lost"u8);
        var junk = cluster.Put([0xff, 0xff, 0xff]);
        var here = new Reapi.Directory { Symlinks = { new Reapi.SymlinkNode { Name = "l", Target = "t" } } };
        foreach (var child in new[] { lost, junk })
        {
            var root = new Reapi.Directory
            {
                Directories = { new Reapi.DirectoryNode
                {
                    Name = "d",
                    Digest = child.ToWire(),
                }, Node(cluster, "e", here) },
            };
            var request = new Reapi.GetTreeRequest { RootDigest = cluster.Put(root.ToByteArray()).ToWire() };
            Assert.Equal([root, here], (await ReadAsync(cluster, request)).SelectMany(page => page.Directories));
        }
    }

    [Fact]
    public async Task A_root_that_is_missing_or_not_a_directory_is_not_found_and_named()
    {
        await using var cluster = await RunningCluster.StartAsync();
        foreach (var root in new[] { Blobs.DigestOf("lost"u8), cluster.Put([0xff, 0xff, 0xff]) })
        {
            var error = await Blobs.FailsWithAsync(StatusCode.NotFound,
                () => ReadAsync(cluster, new() { RootDigest = root.ToWire() }));
            Assert.Contains(root.ToString(), error.Status.Detail, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_token_of_another_tree_or_a_negative_page_size_is_refused()
    {
        await using var cluster = await RunningCluster.StartAsync();
        var (root, _) = PutFiveChildren(cluster);
        await Blobs.FailsWithAsync(StatusCode.InvalidArgument,
            () => ReadAsync(cluster, new() { RootDigest = root, PageToken = "nonsense" }));
        await Blobs.FailsWithAsync(StatusCode.InvalidArgument,
            () => ReadAsync(cluster, new() { RootDigest = root, PageSize = -1 }));
    }

    private static (Reapi.Digest Root, Reapi.Directory[] BreadthFirst) PutFiveChildren(RunningCluster cluster)
    {
        var children = Enumerable.Range(0, 5).Select(i => new Reapi.Directory
        {
            NodeProperties = new() { Mtime = new() { Seconds = i }, UnixMode = 0b111_101_101 },
        }).ToArray();
        var root = new Reapi.Directory
        {
            Directories = { children.Select((child, i) => Node(cluster, $"sub_directory_{i}", child)) },
        };
        return (cluster.Put(root.ToByteArray()).ToWire(), [root, .. children]);
    }

    private static Reapi.DirectoryNode Node(RunningCluster cluster, string name, Reapi.Directory directory) =>
        new() { Name = name, Digest = cluster.Put(directory.ToByteArray()).ToWire() };

    private static string Token(Reapi.Directory directory)
    {
        var digest = Blobs.DigestOf(directory.ToByteArray());
        return $"{digest.Hash}-{digest.SizeBytes}";
    }

    private static async Task<List<Reapi.GetTreeResponse>> ReadAsync(
        RunningCluster cluster, Reapi.GetTreeRequest request)
    {
        using var call = cluster.Cas.GetTree(request, deadline: ByteStreamCalls.Deadline);
        var pages = new List<Reapi.GetTreeResponse>();
        await foreach (var page in call.ResponseStream.ReadAllAsync())
            pages.Add(page);
        return pages;
    }
}
