using Grpc.Core;

namespace NativeLink.Actors.Cas.Channels;

/// <summary>
/// One attempt of a call: the connection, the options with
/// deadline and headers, and how many attempts came before.
/// </summary>
internal readonly record struct RpcAttempt(CallInvoker Invoker, CallOptions Options, int Number);

/// <summary>
/// Makes the calls to one remote service: in turn over its connections, bounded in number and time,
/// retried, with errors turned into faults.
/// </summary>
internal sealed class RpcCaller : IDisposable
{
    /// <summary>
    /// Servers with a limit on pending calls answer CANCELLED above
    /// it (protos/README.md 2.9), so there always is a bound.
    /// </summary>
    private const int OwnConcurrency = 64;

    /// <summary>No healthy store is slower than this for long.</summary>
    private const long SlowestBytesPerSecond = 1 << 20;

    private static readonly TimeSpan OwnTimeout = TimeSpan.FromSeconds(60);

    private readonly GrpcStoreOptions _options;
    private readonly GrpcChannels _channels;
    private readonly RpcRetry _retry;
    private readonly TimeProvider _time;
    private readonly SemaphoreSlim _slots;
    private readonly Metadata _headers = [];

    public RpcCaller(GrpcStoreOptions options, TimeProvider time, Random random)
    {
        (_options, _time) = (options, time);
        _channels = new GrpcChannels(options.Endpoints, options.ConnectionsPerEndpoint);
        _retry = new RpcRetry(options.Retry, time, random);
        _slots = new SemaphoreSlim(Concurrency(options));
        foreach (var (name, value) in options.Headers)
            _headers.Add(name.ToLowerInvariant(), value);
    }

    /// <summary>The addresses, for messages.</summary>
    public string Name => _channels.Name;

    /// <summary>How often a connection has ended or a call has found the service unavailable.</summary>
    public long Absences => _channels.Absences;

    /// <summary>Whether a failure with this code is repeated.</summary>
    public bool Retries(StatusCode code) => _retry.Covers(code);

    /// <summary>Runs a call until it succeeds or may not be repeated.</summary>
    /// <param name="rpc">Its name, and what it is about, for the message.</param>
    /// <param name="payloadBytes">What it moves; large payloads get more time.</param>
    /// <exception cref="FaultException">Storage, with the gRPC code of the last attempt.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    public async Task<T> CallAsync<T>(
        string rpc, long payloadBytes, Func<RpcAttempt, Task<T>> call, CancellationToken cancellation)
    {
        try
        {
            return await _retry.RunAsync(attempt => OnceAsync(attempt, payloadBytes, call, cancellation), cancellation);
        }
        catch (RpcException) when (cancellation.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellation);
        }
        catch (RpcException error)
        {
            throw new FaultException(ToFault(rpc, error.StatusCode, ConnectProblem.Explain(error, _options.Endpoints)),
                error);
        }
    }

    /// <summary>The fault of a call that ended with a code.</summary>
    public Fault ToFault(string rpc, StatusCode code, string detail) =>
        new(FaultKind.Storage, $"{rpc} at {Name}: {code}{(detail.Length == 0 ? "" : ": " + detail)}") { Code = code };

    public void Dispose()
    {
        _channels.Dispose();
        _slots.Dispose();
    }

    private static int Concurrency(GrpcStoreOptions options)
    {
        var bound = options.MaxConcurrentRequests > 0 ? options.MaxConcurrentRequests : OwnConcurrency;
        var byEndpoint = options.Endpoints.All(endpoint => endpoint.ConcurrencyLimit > 0)
            ? options.Endpoints.Sum(endpoint => endpoint.ConcurrencyLimit)
            : int.MaxValue;
        return Math.Max(1, Math.Min(bound, byEndpoint));
    }

    private async Task<T> OnceAsync<T>(
        int attempt, long payloadBytes, Func<RpcAttempt, Task<T>> call, CancellationToken cancellation)
    {
        await _slots.WaitAsync(cancellation);
        var connection = _channels.Next();
        var closes = connection.Closes;
        try
        {
            var timeout = (_options.RpcTimeout > TimeSpan.Zero ? _options.RpcTimeout : OwnTimeout)
                + TimeSpan.FromSeconds(payloadBytes / SlowestBytesPerSecond);
            var options = new CallOptions(_headers, (_time.GetUtcNow() + timeout).UtcDateTime, cancellation);
            var answer = await call(new RpcAttempt(connection.Invoker, options, attempt));
            connection.IsUp(closes);
            return answer;
        }
        catch (RpcException error)
        {
            if (error is not OwnRpcException && error.StatusCode == StatusCode.Unavailable)
                connection.IsAway();
            else if (error is OwnRpcException
                || error.StatusCode is not (StatusCode.DeadlineExceeded or StatusCode.Cancelled))
                connection.IsUp(closes);
            throw;
        }
        finally
        {
            _slots.Release();
        }
    }
}
