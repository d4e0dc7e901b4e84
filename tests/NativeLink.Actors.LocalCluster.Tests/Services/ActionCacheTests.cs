using Google.Protobuf;
using Grpc.Core;
using NativeLink.Actors.LocalCluster.Tests.Host;

namespace NativeLink.Actors.LocalCluster.Tests.Services;

public sealed class ActionCacheTests
{
    private static readonly Digest Action = Blobs.DigestOf("action"u8);

    [Fact]
    public async Task NL_340_NL_341_NL_343_An_entry_is_absent_until_written_then_read_as_written_under_any_instance()
    {
        await using var cluster = await RunningCluster.StartAsync();
        await Blobs.FailsWithAsync(StatusCode.NotFound, () => GetAsync(cluster, Action));
        var result = new Reapi.ActionResult
        {
            ExitCode = 3,
            StdoutRaw = ByteString.CopyFromUtf8("out"),
            StdoutDigest = Digest.Empty(DigestFunction.Sha256).ToWire(),
        };
        var request = new Reapi.UpdateActionResultRequest
        {
            InstanceName = "main",
            ActionDigest = Action.ToWire(),
            ActionResult = result,
        };
        Assert.Equal(result, await cluster.Actions.UpdateActionResultAsync(request));
        Assert.Equal(result, await GetAsync(cluster, Action));
        Assert.Equal(result, cluster.Server.ActionCache.TryGet(Action));
    }

    [Fact]
    public async Task NL_342_The_size_is_part_of_the_key()
    {
        await using var cluster = await RunningCluster.StartAsync();
        cluster.Server.ActionCache.Put(Action, new Reapi.ActionResult { ExitCode = 1 });
        await Blobs.FailsWithAsync(StatusCode.NotFound,
            () => GetAsync(cluster, Digest.Parse(Action.Hash, Action.SizeBytes + 1, DigestFunction.Sha256)));
    }

    [Fact]
    public async Task An_entry_is_complete_only_while_every_output_and_every_file_of_its_trees_is_there()
    {
        await using var cluster = await RunningCluster.StartAsync();
        byte[][] blobs = ["file"u8.ToArray(), "out"u8.ToArray(), "err"u8.ToArray(), "in root"u8.ToArray(),
            "in child"u8.ToArray()];
        var tree = new Reapi.Tree
        {
            Root = new() { Files = { new Reapi.FileNode { Name = "r", Digest = Wire(blobs[3]) } } },
            Children = { new Reapi.Directory
            {
                Files = { new Reapi.FileNode { Name = "c", Digest = Wire(blobs[4]) } },
            } },
        }.ToByteArray();
        cluster.Server.ActionCache.Put(Action, new Reapi.ActionResult
        {
            OutputFiles = { new Reapi.OutputFile { Path = "f", Digest = Wire(blobs[0]) } },
            OutputDirectories = { new Reapi.OutputDirectory { Path = "d", TreeDigest = Wire(tree) } },
            StdoutDigest = Wire(blobs[1]),
            StderrDigest = Wire(blobs[2]),
        });
        foreach (var blob in blobs.Append(tree))
        {
            await Blobs.FailsWithAsync(StatusCode.NotFound, () => GetAsync(cluster, Action));
            cluster.Put(blob);
        }
        Assert.Single((await GetAsync(cluster, Action)).OutputFiles);
    }

    [Fact]
    public async Task A_tree_of_more_than_10_MiB_is_a_hit_and_counts_as_lost_with_one_of_its_files()
    {
        await using var cluster = await RunningCluster.StartAsync();
        var (common, last) = ("content"u8.ToArray(), "last"u8.ToArray());
        var tree = new Reapi.Tree { Root = new Reapi.Directory() };
        for (var i = 0; i < 120_000; i++)
            tree.Root.Files.Add(new Reapi.FileNode { Name = $"some_module_file_{i:D6}.js", Digest = Wire(common) });
        tree.Children.Add(new Reapi.Directory
        {
            Files = { new Reapi.FileNode
            {
                Name = "z",
                IsExecutable = true,
                Digest = Wire(last),
                NodeProperties = new() { UnixMode = 0b111_101_101 },
            } },
        });
        var bytes = tree.ToByteArray();
        Assert.InRange(bytes.Length, (10 << 20) + 1, 20 << 20);
        cluster.Put(bytes);
        cluster.Put(common);
        cluster.Server.ActionCache.Put(Action, new Reapi.ActionResult
        {
            OutputDirectories = { new Reapi.OutputDirectory { Path = "d", TreeDigest = Wire(bytes) } },
        });
        await Blobs.FailsWithAsync(StatusCode.NotFound, () => GetAsync(cluster, Action));
        cluster.Put(last);
        Assert.Single((await GetAsync(cluster, Action)).OutputDirectories);
    }

    [Fact]
    public async Task A_tree_that_is_cut_off_or_holds_a_malformed_digest_is_no_hit()
    {
        await using var cluster = await RunningCluster.StartAsync();
        var whole = new Reapi.Tree
        {
            Root = new() { Files = { new Reapi.FileNode { Name = "f", Digest = cluster.Put("content"u8).ToWire() } } },
        }.ToByteArray();
        var malformed = new Reapi.Tree
        {
            Root = new()
            {
                Files = { new Reapi.FileNode { Name = "f", Digest = new() { Hash = "abc", SizeBytes = 3 } } },
            },
        }.ToByteArray();
        var without = new Reapi.Tree { Root = new() { Files = { new Reapi.FileNode { Name = "f" } } } }.ToByteArray();
        foreach (var tree in new[] { whole[..^1], malformed, without, [0xff, 0xff, 0xff] })
        {
            cluster.Put(tree);
            cluster.Server.ActionCache.Put(Action, new Reapi.ActionResult
            {
                OutputDirectories = { new Reapi.OutputDirectory { Path = "d", TreeDigest = Wire(tree) } },
            });
            await Blobs.FailsWithAsync(StatusCode.NotFound, () => GetAsync(cluster, Action));
        }
    }

    [Fact]
    public async Task A_directory_given_by_its_root_is_complete_only_with_all_below_it()
    {
        await using var cluster = await RunningCluster.StartAsync();
        var child = new Reapi.Directory
        {
            Files = { new Reapi.FileNode { Name = "f", Digest = Wire("content"u8.ToArray()) } },
        }.ToByteArray();
        var root = new Reapi.Directory
        {
            Directories = { new Reapi.DirectoryNode { Name = "c", Digest = Wire(child) } },
        }.ToByteArray();
        cluster.Server.ActionCache.Put(Action, new Reapi.ActionResult
        {
            OutputDirectories = { new Reapi.OutputDirectory { RootDirectoryDigest = Wire(root) } },
        });
        foreach (var blob in new[] { root, child, "content"u8.ToArray() })
        {
            await Blobs.FailsWithAsync(StatusCode.NotFound, () => GetAsync(cluster, Action));
            cluster.Put(blob);
        }
        Assert.Single((await GetAsync(cluster, Action)).OutputDirectories);
    }

    [Fact]
    public async Task Blobs_and_entries_of_an_earlier_run_are_there_again()
    {
        using var directory = new TempDirectory();
        var blob = Blobs.Random(100_000);
        var result = new Reapi.ActionResult
        {
            OutputFiles = { new Reapi.OutputFile { Path = "f", Digest = Wire(blob) } },
        };
        await using (var first = await RunningCluster.StartAsync(directory: directory.Path))
        {
            first.Put(blob);
            await first.Actions.UpdateActionResultAsync(new()
            {
                ActionDigest = Action.ToWire(),
                ActionResult = result,
            });
        }
        await using var second = await RunningCluster.StartAsync(directory: directory.Path);
        Assert.Equal(result, await GetAsync(second, Action));
        Assert.Equal(blob, (await second.Bytes.DownloadAsync($"blobs/{Blobs.DigestOf(blob)}")).Content);
    }

    [Fact]
    public async Task A_request_without_a_result_or_with_a_malformed_digest_is_refused()
    {
        await using var cluster = await RunningCluster.StartAsync();
        await Blobs.FailsWithAsync(StatusCode.InvalidArgument,
            () => cluster.Actions.UpdateActionResultAsync(new() { ActionDigest = Action.ToWire() }).ResponseAsync);
        await Blobs.FailsWithAsync(StatusCode.InvalidArgument,
            () => cluster.Actions.GetActionResultAsync(new()).ResponseAsync);
    }

    private static Reapi.Digest Wire(byte[] content) => Blobs.DigestOf(content).ToWire();

    private static Task<Reapi.ActionResult> GetAsync(RunningCluster cluster, Digest action) =>
        cluster.Actions.GetActionResultAsync(new()
        {
            InstanceName = "another",
            ActionDigest = action.ToWire(),
        }, deadline: ByteStreamCalls.Deadline).ResponseAsync;
}
