using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.Extensions.Logging;
using NativeLink.Actors.LocalCluster.Requests;

namespace NativeLink.Actors.LocalCluster.Hosting;

/// <summary>
/// Gives every call that fails a status that says why: without one clients get UNKNOWN, of which
/// they cannot know whether to try again, and a sentence about handlers.
/// </summary>
internal sealed class CallStatuses(ILoggerFactory logs) : Interceptor
{
    private readonly ILogger _log = logs.CreateLogger<CallStatuses>();

    public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            return await continuation(request, context);
        }
        catch (Exception error) when (error is not RpcException)
        {
            throw Told(error, context);
        }
    }

    public override async Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, ServerCallContext context,
        ClientStreamingServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            return await continuation(requestStream, context);
        }
        catch (Exception error) when (error is not RpcException)
        {
            throw Told(error, context);
        }
    }

    public override async Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request, IServerStreamWriter<TResponse> responseStream, ServerCallContext context,
        ServerStreamingServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            await continuation(request, responseStream, context);
        }
        catch (Exception error) when (error is not RpcException)
        {
            throw Told(error, context);
        }
    }

    public override async Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream,
        IServerStreamWriter<TResponse> responseStream,
        ServerCallContext context,
        DuplexStreamingServerMethod<TRequest, TResponse> continuation)
    {
        try
        {
            await continuation(requestStream, responseStream, context);
        }
        catch (Exception error) when (error is not RpcException)
        {
            throw Told(error, context);
        }
    }

    /// <summary>What a client is told of a failure that is not its own.</summary>
    /// <param name="isOver">The client, its deadline or its connection has ended the call: whatever
    /// breaks then breaks because of that.</param>
    internal static Status StatusOf(Exception error, bool isOver) => error switch
    {
        OperationCanceledException or IOException or InvalidOperationException when isOver =>
            new Status(StatusCode.Cancelled, "the call was ended before its answer"),
        OperationCanceledException => new Status(StatusCode.Unavailable,
            "the server gave the call up: it is about to end, or had too much to do; try again"),
        TimeoutException => new Status(StatusCode.Unavailable,
            "the server did not come to the call in time; try again"),
        // Of what is kept here; bytes that a client sends are judged where they are taken in.
        FaultException { Fault: { Code: StatusCode.DataLoss } fault } => new Status(StatusCode.DataLoss, fault.Detail),
        _ => RequestChecks.StatusOf(error),
    };

    private RpcException Told(Exception error, ServerCallContext context)
    {
        var status = StatusOf(error, context.CancellationToken.IsCancellationRequested);
        if (status.StatusCode == StatusCode.Internal
            && error is not (FaultException or IOException or UnauthorizedAccessException))
            ClusterLog.CallFailed(_log, context.Method, error);
        return new RpcException(status);
    }
}
