using Google.LongRunning;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using NativeLink.Actors.LocalCluster.Tests.Host;
using Stage = Build.Bazel.Remote.Execution.V2.ExecutionStage.Types.Value;

namespace NativeLink.Actors.LocalCluster.Tests.Services;

/// <summary>Operations by name: Get, Wait, Cancel.</summary>
public sealed class OperationsServiceTests : IAsyncLifetime
{
    private const string Unknown = "main/7c9e6679-7425-40de-944b-e07fc1f90ae7";

    private SchedulingRig _rig = null!;

    public async Task InitializeAsync() => _rig = await SchedulingRig.StartAsync();

    public async Task DisposeAsync() => await _rig.DisposeAsync();

    [Fact]
    public async Task NL_290_List_and_Delete_are_UNIMPLEMENTED_and_Cancel_is_not()
    {
        await Blobs.FailsWithAsync(StatusCode.Unimplemented,
            () => _rig.Operations.ListOperationsAsync(new ListOperationsRequest()).ResponseAsync);
        await Blobs.FailsWithAsync(StatusCode.Unimplemented,
            () => _rig.Operations.DeleteOperationAsync(new DeleteOperationRequest { Name = Unknown }).ResponseAsync);
        await Blobs.FailsWithAsync(StatusCode.NotFound,
            () => _rig.Operations.CancelOperationAsync(new CancelOperationRequest { Name = Unknown }).ResponseAsync);
    }

    [Fact]
    public async Task NL_291_GetOperation_says_how_things_stand()
    {
        using var call = _rig.Execution.Execute(_rig.Request(_rig.MakeAction()));
        var name = (await SchedulingRig.NextAsync(call)).Name;
        var found = await _rig.Operations.GetOperationAsync(new GetOperationRequest { Name = name });
        Assert.Equal(name, found.Name);
        Assert.False(found.Done);
        Assert.Equal(Stage.Queued, SchedulingRig.StageOf(found));
        await Blobs.FailsWithAsync(StatusCode.NotFound,
            () => _rig.Operations.GetOperationAsync(new GetOperationRequest { Name = Unknown }).ResponseAsync);
        await Blobs.FailsWithAsync(StatusCode.NotFound,
            () => _rig.Operations.GetOperationAsync(new GetOperationRequest { Name = "no-slash" }).ResponseAsync);
    }

    [Fact]
    public async Task NL_292_WaitOperation_answers_with_the_result_or_after_its_timeout_without()
    {
        using var call = _rig.Execution.Execute(_rig.Request(_rig.MakeAction()));
        var name = (await SchedulingRig.NextAsync(call)).Name;
        var early = await _rig.Operations.WaitOperationAsync(new WaitOperationRequest
        {
            Name = name,
            Timeout = Milliseconds(50),
        });
        Assert.False(early.Done);
        var waiting = _rig.Operations.WaitOperationAsync(new WaitOperationRequest { Name = name }).ResponseAsync;
        await using var worker = await _rig.ConnectAsync();
        await worker.AnswerAsync((await worker.ReceiveStartAsync()).OperationId);
        Assert.True((await waiting).Done);
        Assert.True((await _rig.Operations.WaitOperationAsync(new WaitOperationRequest
        {
            Name = name,
            Timeout = Milliseconds(1),
        })).Done);
        await Blobs.FailsWithAsync(StatusCode.NotFound,
            () => _rig.Operations.WaitOperationAsync(new WaitOperationRequest { Name = Unknown }).ResponseAsync);
        await Blobs.FailsWithAsync(StatusCode.InvalidArgument, () => _rig.Operations.WaitOperationAsync(
            new WaitOperationRequest { Name = name, Timeout = new Duration { Seconds = -1 } }).ResponseAsync);
    }

    [Fact]
    public async Task CancelOperation_ends_the_operation_and_kills_it_at_the_worker()
    {
        await using var worker = await _rig.ConnectAsync();
        using var call = _rig.Execution.Execute(_rig.Request(_rig.MakeAction()));
        var start = await worker.ReceiveStartAsync();
        await _rig.Operations.CancelOperationAsync(new CancelOperationRequest
        {
            Name = (await SchedulingRig.NextAsync(call)).Name,
        });
        Assert.Equal(start.OperationId, (await worker.ReceiveAsync()).KillOperationRequest.OperationId);
        var response = SchedulingRig.ResponseOf((await SchedulingRig.ReadAllAsync(call))[^1]);
        Assert.Equal((int)StatusCode.Cancelled, response.Status.Code);
        Assert.NotNull(response.Result);
    }

    private static Duration Milliseconds(int count) => new() { Nanos = count * 1_000_000 };
}
