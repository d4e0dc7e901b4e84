using Grpc.Core;
using NativeLink.Actors.LocalCluster.Connections;
using NativeLink.Actors.LocalCluster.Requests;
using NativeLink.Actors.LocalCluster.Scheduling;
using NativeLink.Actors.LocalCluster.Scheduling.Workers;
using static NativeLink.Actors.LocalCluster.Scheduling.SchedulerProtocol;

namespace NativeLink.Actors.LocalCluster.Services;

/// <summary><c>WorkerApi</c> as a NativeLink scheduler serves it (protos/README.md 3).</summary>
internal sealed class WorkerApiService(LocalScheduler scheduler) : Wire.WorkerApi.WorkerApiBase
{
    /// <summary>For the first message to come, and for the last messages to be read.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    public override async Task ConnectWorker(
        IAsyncStreamReader<Wire.UpdateForScheduler> requestStream,
        IServerStreamWriter<Wire.UpdateForWorker> responseStream,
        ServerCallContext context)
    {
        WorkerAddress.Check(context);
        var link = CreateLink(await ReadFirstAsync(requestStream, context.CancellationToken));
        using var over = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken);
        scheduler.Tell(new Register(link));
        var receiving = ReceiveAsync(link, requestStream, over.Token);
        try
        {
            await SendAsync(link, responseStream, context.CancellationToken);
        }
        finally
        {
            scheduler.Tell(new WorkerDisconnected(link, "its stream broke"));
            await over.CancelAsync();
            await receiving;
        }
    }

    private async Task<Wire.ConnectWorkerRequest> ReadFirstAsync(
        IAsyncStreamReader<Wire.UpdateForScheduler> requests, CancellationToken cancellation)
    {
        using var timer = new CancellationTokenSource(Patience, scheduler.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, timer.Token);
        try
        {
            if (await requests.MoveNext(either.Token) && requests.Current.ConnectWorkerRequest is { } first)
                return first;
        }
        catch (OperationCanceledException) when (timer.IsCancellationRequested)
        {
            // Falls through: nothing came is as bad as something else came.
        }

        throw new RpcException(
            new Status(StatusCode.Internal, "the first message of a worker has to be connect_worker_request"));
    }

    private WorkerLink CreateLink(Wire.ConnectWorkerRequest request)
    {
        try
        {
            return scheduler.CreateLink(request);
        }
        catch (FormatException error)
        {
            throw RequestChecks.Invalid(error.Message);
        }
    }

    /// <summary>Passes on what the worker sends until its stream ends; never throws.</summary>
    private async Task ReceiveAsync(
        WorkerLink link, IAsyncStreamReader<Wire.UpdateForScheduler> requests, CancellationToken over)
    {
        var reason = "its stream ended";
        try
        {
            while (await requests.MoveNext(over))
            {
                if (!link.TryHandle(requests.Current))
                    scheduler.Tell(new UpdateReceived(link, requests.Current));
            }
        }
        catch (Exception error)
        {
            reason = $"its stream broke: {error.Message}";
        }

        scheduler.Tell(new WorkerDisconnected(link, reason));
    }

    /// <summary>
    /// Passes on what the scheduler sends until it closes the link.
    /// A worker that does not read the rest in time is cut off.
    /// </summary>
    private async Task SendAsync(
        WorkerLink link, IServerStreamWriter<Wire.UpdateForWorker> responses, CancellationToken cancellation)
    {
        using var bound = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var writing = WriteAllAsync(link, responses, bound.Token);
        await Task.WhenAny(writing, link.Closed);
        using var patience = new CancellationTokenSource(Patience, scheduler.Time);
        using var cut = patience.Token.Register(bound.Cancel);
        await writing;
    }

    private static async Task WriteAllAsync(
        WorkerLink link, IServerStreamWriter<Wire.UpdateForWorker> responses, CancellationToken cancellation)
    {
        await foreach (var update in link.Outgoing.ReadAllAsync(cancellation))
            await responses.WriteAsync(update, cancellation);
    }
}
