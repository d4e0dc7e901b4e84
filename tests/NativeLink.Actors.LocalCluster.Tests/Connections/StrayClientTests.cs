using System.Buffers;
using Microsoft.Extensions.Time.Testing;
using NativeLink.Actors.LocalCluster.Connections;
using NativeLink.Actors.LocalCluster.Tests.Host;
using NativeLink.Actors.LocalCluster.Tests.Services;

namespace NativeLink.Actors.LocalCluster.Tests.Connections;

/// <summary>Clients that leave a call open and do not care for it.</summary>
public sealed class StrayClientTests
{
    private const string Execute = "/build.bazel.remote.execution.v2.Execution/Execute";

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(4096)]
    public void A_GOAWAY_is_found_among_frames_in_pieces_of_any_size(int piece)
    {
        byte[] before = [.. RawClient.Preface, .. RawClient.Settings, .. RawClient.Frame(
            0, 1, 1, [.. Enumerable.Repeat((byte)7, 700)]), .. RawClient.Frame(6, 0, 0, new byte[8])];
        Assert.False(Find(before, piece));
        Assert.True(Find([.. before, .. RawClient.GoAway], piece));
    }

    [Fact]
    public async Task An_Execute_call_whose_connection_sent_GOAWAY_ends_in_time_and_the_action_is_given_up()
    {
        await using var rig = await SchedulingRig.StartAsync(
            o => o with { Scheduler = o.Scheduler with { ClientActionTimeout = TimeSpan.FromSeconds(1) } });
        await using var worker = await rig.ConnectAsync();
        using var client = await RawClient.ConnectAsync(rig.Cluster.Server.ClientAddress);
        await client.SendAsync([.. RawClient.Call(Execute), .. RawClient.Message(rig.Request(rig.MakeAction()))]);
        var operation = (await worker.ReceiveStartAsync()).OperationId;
        await client.SendAsync(RawClient.GoAway);
        Assert.Equal(operation, (await worker.ReceiveAsync()).KillOperationRequest.OperationId);
    }

    [Theory]
    [InlineData(Execute)]
    [InlineData("/google.bytestream.ByteStream/Write")]
    public async Task A_call_without_its_first_message_is_ended_after_a_while(string path)
    {
        var time = new FakeTimeProvider(RunningCluster.Start);
        await using var cluster = await RunningCluster.StartAsync(time: time);
        using var client = await RawClient.ConnectAsync(cluster.Server.ClientAddress);
        await client.SendAsync(RawClient.Call(path));
        var ended = client.ReceiveAsync(RawClient.Reset);
        // The clock may be moved before the server has taken the call.
        await Eventually.HoldsAsync(() =>
        {
            time.Advance(TimeSpan.FromSeconds(1));
            return ended.IsCompleted;
        }, "the call is ended");
        await ended;
    }

    private static bool Find(byte[] bytes, int piece)
    {
        var (heads, found) = (new FrameHeads(), false);
        foreach (var part in bytes.Chunk(piece))
            found |= heads.FindGoAway(new ReadOnlySequence<byte>(part));
        return found;
    }
}
