using Google.LongRunning;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using NativeLink.Actors.LocalCluster.Requests;
using NativeLink.Actors.LocalCluster.Scheduling;
using NativeLink.Actors.LocalCluster.Scheduling.Clients;
using static NativeLink.Actors.LocalCluster.Scheduling.SchedulerProtocol;

namespace NativeLink.Actors.LocalCluster.Services;

/// <summary>
/// <c>google.longrunning.Operations</c> for clients: Get, Wait and Cancel; List and Delete are
/// UNIMPLEMENTED, as in NativeLink.
/// </summary>
internal sealed class OperationsService(LocalScheduler scheduler) : Operations.OperationsBase
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromDays(1);

    public override async Task<Operation> GetOperation(GetOperationRequest request, ServerCallContext context)
    {
        return await scheduler.GetOperationAsync(request.Name, context.CancellationToken)
            ?? throw Unknown(request.Name);
    }

    public override async Task<Empty> CancelOperation(CancelOperationRequest request, ServerCallContext context)
    {
        return await scheduler.CancelAsync(request.Name, context.CancellationToken)
            ? new Empty()
            : throw Unknown(request.Name);
    }

    /// <summary>
    /// Answers when the operation is done, or with how it
    /// stands when the timeout, if there is one, has passed.
    /// </summary>
    public override async Task<Operation> WaitOperation(WaitOperationRequest request, ServerCallContext context)
    {
        using var timer = new CancellationTokenSource(WaitOf(request), scheduler.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, timer.Token);
        var stream = new OperationStream();
        Operation? last = null;
        scheduler.Tell(new WaitExecution(request.Name, stream));
        try
        {
            await foreach (var operation in stream.Updates.ReadAllAsync(either.Token))
                last = operation;
        }
        catch (OperationCanceledException) when (timer.IsCancellationRequested
            && !context.CancellationToken.IsCancellationRequested)
        {
            last ??= await scheduler.GetOperationAsync(request.Name, context.CancellationToken);
        }
        finally
        {
            stream.Abandon();
            scheduler.Tell(new Unsubscribe(stream));
        }

        return last ?? throw Unknown(request.Name);
    }

    private static TimeSpan WaitOf(WaitOperationRequest request) => request.Timeout switch
    {
        null => LongestWait,
        { Seconds: < 0 } or { Nanos: < 0 or > 999_999_999 } =>
            throw RequestChecks.Invalid($"the timeout {request.Timeout} is negative or malformed"),
        { Seconds: >= 86_400 } => LongestWait,
        var timeout => timeout.ToTimeSpan(),
    };

    private static RpcException Unknown(string name) =>
        RequestChecks.NotFound($"there is no operation '{name}': it never was, or it ended too long ago");
}
