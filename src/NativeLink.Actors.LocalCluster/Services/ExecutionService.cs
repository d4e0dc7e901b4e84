using Google.LongRunning;
using Grpc.Core;
using NativeLink.Actors.LocalCluster.Connections;
using NativeLink.Actors.LocalCluster.Requests;
using NativeLink.Actors.LocalCluster.Scheduling;
using NativeLink.Actors.LocalCluster.Scheduling.Clients;
using static NativeLink.Actors.LocalCluster.Scheduling.SchedulerProtocol;

namespace NativeLink.Actors.LocalCluster.Services;

/// <summary>
/// REAPI <c>Execution</c> for clients: checks what they send,
/// asks the action cache, and lets the scheduler do the rest.
/// </summary>
internal sealed class ExecutionService(
    LocalScheduler scheduler, LocalClusterOptions options) : Reapi.Execution.ExecutionBase
{
    private readonly ExecuteCheck _check = new(scheduler.Actions, scheduler.Properties,
        options.ExecutionInstances ?? options.Instances);

    public override async Task Execute(
        Reapi.ExecuteRequest request, IServerStreamWriter<Operation> responseStream, ServerCallContext context)
    {
        if (scheduler.IsDraining)
            throw new RpcException(new Status(StatusCode.Unavailable, SchedulerAnswers.Draining));
        var checkedRequest = await _check.RunAsync(request, context.CancellationToken);
        var submission = checkedRequest with { Client = ClientIdentity.Of(context) };
        var known = submission.Joinable
            ? await scheduler.Results.FindCompleteAsync(submission.Key.Instance, submission.Key.Action,
                context.CancellationToken)
            : null;
        var stream = new OperationStream();
        await RelayAsync(known is null
            ? new Submit(submission, stream)
            : new CompleteFromCache(submission, known, stream), stream, responseStream, context);
    }

    public override Task WaitExecution(
        Reapi.WaitExecutionRequest request, IServerStreamWriter<Operation> responseStream, ServerCallContext context)
    {
        var stream = new OperationStream();
        return RelayAsync(new WaitExecution(request.Name, stream), stream, responseStream, context);
    }

    private async Task RelayAsync(
        object request, OperationStream stream, IServerStreamWriter<Operation> responseStream,
        ServerCallContext context)
    {
        using var goAway = context.GetHttpContext().Features.Get<GoAwayWatch>()?.Over.Register(
            static state => ((OperationStream)state!).Fail(
            StatusCode.Unavailable,
            "the client's connection said goodbye: who still waits has to ask again on another one"), stream);
        scheduler.Tell(request);
        try
        {
            await foreach (var operation in stream.Updates.ReadAllAsync(context.CancellationToken))
                await responseStream.WriteAsync(operation, context.CancellationToken);
        }
        finally
        {
            stream.Abandon();
            scheduler.Tell(new Unsubscribe(stream));
        }
    }
}
