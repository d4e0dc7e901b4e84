using Google.Protobuf;
using Grpc.Core;
using NativeLink.Actors.Cas;
using NativeLink.Actors.Protocol.Hashing;

namespace NativeLink.Actors.Worker.Tests.Inputs;

public sealed class InputSourceTests : InputSpec
{
    private readonly Reapi.Command _command = new() { Arguments = { "true" } };

    [Fact]
    public async Task A_cold_action_takes_two_round_trips_with_its_root_and_a_warm_one_takes_one()
    {
        var root = PutTree(1, 0);
        var command = Server.Put(_command);
        var (_, loaded) = await Source.LoadActionAsync(PutAction(command, root), None);
        Assert.Equal(_command, loaded);
        Assert.Equal(2, Server.Calls("BatchReadBlobs"));
        await WalkAsync(Source, root);
        Assert.Equal(2, Server.Calls("BatchReadBlobs"));
        await Source.LoadActionAsync(Server.Put(new Reapi.Action
        {
            CommandDigest = command.ToWire(),
            InputRootDigest = root.ToWire(),
            DoNotCache = true,
        }), None);
        Assert.Equal(3, Server.Calls("BatchReadBlobs"));
        Assert.Equal(0, Server.Calls("GetTree"));
    }

    [Fact]
    public async Task A_message_above_ten_megabytes_is_refused_without_being_read()
    {
        var huge = Digest.FromHash(new byte[32], CasLimits.ProtobufBytes + 1, DigestFunction.Sha256);
        var error = await Assert.ThrowsAsync<FaultException>(() => Source.LoadActionAsync(huge, None));
        Assert.Equal(FaultKind.Action, error.Fault.Kind);
        error = await Assert.ThrowsAsync<FaultException>(
            () => Source.LoadActionAsync(PutAction(huge, PutTree(1, 0)), None));
        Assert.Equal(FaultKind.Action, error.Fault.Kind);
        Assert.Equal(0, Server.Reads.GetValueOrDefault(huge));
    }

    [Fact]
    public async Task A_command_of_several_megabytes_is_streamed()
    {
        var command = new Reapi.Command { Arguments = { Enumerable.Repeat(new string('x', 1000), 5000) } };
        var (_, loaded) = await Source.LoadActionAsync(PutAction(Server.Put(command), PutTree(1, 0)), None);
        Assert.Equal(command, loaded);
        Assert.Equal(1, Server.Calls("Read"));
    }

    [Fact]
    public async Task What_is_no_message_is_the_actions_fault()
    {
        var junk = Server.Put("no message at all"u8.ToArray());
        Assert.Equal(FaultKind.Action,
            (await Assert.ThrowsAsync<FaultException>(() => Source.LoadActionAsync(junk, None))).Fault.Kind);
        var noDigests = Server.Put(new Reapi.Action { DoNotCache = true });
        Assert.Equal(FaultKind.Action,
            (await Assert.ThrowsAsync<FaultException>(() => Source.LoadActionAsync(noDigests, None))).Fault.Kind);
    }

    [Fact]
    public async Task A_root_that_the_parser_trips_over_is_the_actions_fault_and_keeps_nobody_waiting()
    {
        // Google.Protobuf throws an InvalidOperationException here: a wrapper that ends early.
        var root = Server.Put(Convert.FromHexString("2A041A020000"));
        var (_, command) = await Source.LoadActionAsync(PutAction(Server.Put(_command), root), None)
            .WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Equal(_command, command);
        var fault = (await Assert.ThrowsAsync<FaultException>(() => Source.GetDirectoriesAsync(
            [root], static (_, _) => true, None).WaitAsync(TimeSpan.FromSeconds(30)))).Fault;
        Assert.Equal(FaultKind.Action, fault.Kind);
        Assert.Contains(root.Hash, fault.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task NL_106_A_missing_action_or_command_is_named()
    {
        var gone = BlobHasher.Compute("gone"u8, DigestFunction.Sha256);
        var error = await Assert.ThrowsAsync<FaultException>(() => Source.LoadActionAsync(gone, None));
        Assert.Equal((FaultKind.Missing, gone), (error.Fault.Kind, Assert.Single(error.Fault.Missing)));
        error = await Assert.ThrowsAsync<FaultException>(
            () => Source.LoadActionAsync(PutAction(gone, PutTree(1, 0)), None));
        Assert.Equal((FaultKind.Missing, gone), (error.Fault.Kind, Assert.Single(error.Fault.Missing)));
        Assert.Contains(gone.Hash, error.Fault.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task NL_143_A_cold_tree_comes_by_GetTree_and_its_changed_part_by_what_is_not_known()
    {
        var root = PutTree(4, 3);
        Assert.Equal(40, (await WalkAsync(Source, root)).Count);
        Assert.Equal((1, 1), (Server.Calls("BatchReadBlobs"), Server.Calls("GetTree")));
        var changed = Reapi.Directory.Parser.ParseFrom(Server.Blobs[root]);
        changed.Directories[1].Digest = PutTree(3, 3, "changed").ToWire();
        Server.Reads.Clear();
        Assert.Equal(40, (await WalkAsync(Source, Server.Put(changed))).Count);
        Assert.All(Server.Reads.Keys, digest => Assert.False(digest == root));
        // The new root, and the 13 directories of the changed part; its own root is met once by each call.
        Assert.Equal(1 + 13, Server.Reads.Count);
    }

    [Fact]
    public async Task A_directory_of_whose_children_the_tree_cache_knows_any_brings_no_tree_along()
    {
        var root = PutTree(4, 3);
        IReadOnlyCollection<Digest> asked = [];
        var answer = await Source.GetDirectoriesAsync([root], (digest, message) =>
        {
            asked = [digest];
            Assert.Equal(Server.Blobs[root], message.ToByteArray());
            return false;
        }, None);
        Assert.Equal((root, root), (Assert.Single(answer).Key, Assert.Single(asked)));
        Assert.Equal((1, 0), (Server.Calls("BatchReadBlobs"), Server.Calls("GetTree")));
    }

    [Theory]
    [InlineData(StatusCode.Unimplemented)]
    [InlineData(StatusCode.ResourceExhausted)]
    [InlineData(StatusCode.Internal)]
    public async Task Without_GetTree_a_tree_comes_level_by_level(StatusCode code)
    {
        Server.FailNext("GetTree", int.MaxValue, code);
        Assert.Equal(40, (await WalkAsync(Source, PutTree(4, 3))).Count);
        Assert.Equal(4, Server.Calls("BatchReadBlobs"));
    }

    [Fact]
    public async Task Missing_directories_of_a_level_are_told_together()
    {
        var root = PutTree(3, 3);
        var children = Reapi.Directory.Parser.ParseFrom(Server.Blobs[root]).Directories.Select(
            child => Digest.FromWire(child.Digest, root.Function, "a child")).ToArray();
        foreach (var child in children[1..])
            Server.Blobs.TryRemove(child, out _);
        var error = await Assert.ThrowsAsync<FaultException>(() => WalkAsync(Source, root));
        Assert.Equal(FaultKind.Missing, error.Fault.Kind);
        Assert.Equal(children[1..].Order(), error.Fault.Missing.ToArray());
    }

    [Fact]
    public async Task A_directory_that_is_not_what_its_digest_says_is_refused_after_a_second_try()
    {
        var root = PutTree(1, 0);
        Server.Blobs[root] = new Reapi.Directory { Files = { new Reapi.FileNode { Name = "other" } } }.ToByteArray();
        var error = await Assert.ThrowsAsync<FaultException>(() => WalkAsync(Source, root));
        Assert.Equal((FaultKind.Storage, StatusCode.DataLoss), (error.Fault.Kind, error.Fault.Code!.Value));
        Assert.Contains(root.Hash, error.Fault.Detail, StringComparison.Ordinal);
        Assert.Equal(2, Server.Reads[root]);
    }

    [Fact]
    public async Task An_empty_tree_needs_no_call()
    {
        var empty = Digest.Empty(DigestFunction.Sha256);
        Assert.Empty((await Source.GetDirectoriesAsync([empty], static (_, _) => true, None))[empty].Files);
        Assert.Equal(0, Server.TotalCalls);
    }
}
