using Google.LongRunning;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using NativeLink.Actors.Cas;
using NativeLink.Actors.Cas.Blobs;
using NativeLink.Actors.Cas.Channels;
using NativeLink.Actors.Cli.Hosting;
using NativeLink.Actors.Protocol;
using NativeLink.Actors.Protocol.Hashing;

namespace NativeLink.Actors.Cli.Client;

/// <summary>
/// The REAPI calls that <c>exec</c> needs: blobs by the client of the CAS, which resumes and
/// retries, and the execution itself.
/// </summary>
internal sealed class ReapiClient : IAsyncDisposable
{
    private static readonly TimeSpan CallTimeout = TimeSpan.FromSeconds(60);

    private readonly RemoteExecutorOptions _options;
    private readonly TimeProvider _time;
    private readonly GrpcCasClient _cas;
    private readonly GrpcChannel _channel;
    private readonly Metadata _headers = [];
    private readonly Reapi.Execution.ExecutionClient _execution;
    private readonly Operations.OperationsClient _operations;

    /// <exception cref="FaultException">A TLS file cannot be used; says which.</exception>
    public ReapiClient(RemoteExecutorOptions options, TimeProvider time)
    {
        (_options, _time) = (options, time);
        _cas = new GrpcCasClient(options.Store, time, new Random());
        _channel = GrpcChannels.Open(options.Store.Endpoints[0]);
        foreach (var (name, value) in options.Store.Headers)
            _headers.Add(name.ToLowerInvariant(), value);
        _execution = new(_channel);
        _operations = new(_channel);
    }

    public Uri Address => _options.Address;

    /// <summary>Of every digest that is sent.</summary>
    public DigestFunction DigestFunction => _options.DigestFunction;

    /// <summary>Asks the server what it can do.</summary>
    /// <exception cref="FaultException">The server does not execute, or does not know the digest function.</exception>
    public async Task CheckCapabilitiesAsync(CancellationToken cancellation)
    {
        var client = new Reapi.Capabilities.CapabilitiesClient(_channel);
        var request = new Reapi.GetCapabilitiesRequest { InstanceName = _options.Store.InstanceName };
        var answer = await client.GetCapabilitiesAsync(
            request, new CallOptions(_headers, _time.GetUtcNow().UtcDateTime + CallTimeout, cancellation));
        if (answer.ExecutionCapabilities is not { ExecEnabled: true })
            throw new FaultException(
                FaultKind.Action,
                $"{Address} stores blobs but executes nothing for instance '{_options.Store.InstanceName}'; " +
                "is this the right address and instance name?");
        if (answer.CacheCapabilities is not { } cache)
            throw new FaultException(
                FaultKind.Action,
                $"{Address} executes and says nothing of a CAS for instance '{_options.Store.InstanceName}'; " +
                "is this the right address and instance name?");
        if (!cache.DigestFunctions.Contains(DigestFunction.ToWire()))
            throw new FaultException(
                FaultKind.Action,
                $"{Address} does not serve {DigestFunction.LowerName()}, " +
                $"it serves {string.Join(", ", cache.DigestFunctions)}; see --digest-function");
    }

    /// <summary>Uploads what the CAS lacks; returns how many blobs and bytes that were.</summary>
    /// <exception cref="FaultException">Storage: the server refused; the detail says why. Action: a
    /// file is not what it was when it was read first.</exception>
    public async Task<(int Blobs, long Bytes)> UploadAsync(
        IReadOnlyDictionary<Digest, UploadBlob> blobs, CancellationToken cancellation)
    {
        var missing = await _cas.FindMissingAsync([.. blobs.Keys], cancellation);
        var batch = new List<(Digest, ReadOnlyMemory<byte>)>();
        var weight = new BatchWeight(_cas.MaxBatchBytes);
        foreach (var digest in missing.Order())
        {
            if (!_cas.IsSmall(digest))
            {
                await WriteAsync(digest, blobs[digest], cancellation);
                continue;
            }
            if (!weight.TryAdd(digest.SizeBytes))
            {
                await _cas.WriteBatchAsync(batch, cancellation);
                batch.Clear();
                weight = new BatchWeight(_cas.MaxBatchBytes);
                weight.TryAdd(digest.SizeBytes);
            }
            batch.Add((digest, await LoadAsync(digest, blobs[digest], cancellation)));
        }
        await _cas.WriteBatchAsync(batch, cancellation);
        return (missing.Length, missing.Sum(digest => digest.SizeBytes));
    }

    private static async Task<ReadOnlyMemory<byte>> LoadAsync(
        Digest digest, UploadBlob blob, CancellationToken cancellation)
    {
        if (blob.Data is { } data)
            return data.Memory;
        var bytes = await ReadAsync(blob.File!, () => File.ReadAllBytesAsync(blob.File!, cancellation));
        return BlobHasher.Compute(bytes, digest.Function) == digest ? bytes : throw Changed(blob.File!);
    }

    private async Task WriteAsync(Digest digest, UploadBlob blob, CancellationToken cancellation)
    {
        if (blob.Data is { } data)
        {
            await _cas.WriteAsync(digest, new BlobSource(data.Memory, null), cancellation);
            return;
        }
        using var file = await ReadAsync(
            blob.File!, () => Task.FromResult(File.OpenHandle(blob.File!, options: FileOptions.SequentialScan)));
        try
        {
            await _cas.WriteAsync(digest, new BlobSource(default, file, blob.File!), cancellation);
        }
        catch (ChangedFileException)
        {
            throw Changed(blob.File!);
        }
    }

    private static async Task<T> ReadAsync<T>(string file, Func<Task<T>> read)
    {
        try
        {
            return await read();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new FaultException(FaultKind.Action, $"the input {file} cannot be read any more: {Reasons.Of(error)}",
                error);
        }
    }

    private static FaultException Changed(string file) =>
        new(FaultKind.Action, $"the input {file} changed while it was read; run again when nothing writes to it");

    /// <summary>Streams a blob into <paramref name="target"/> and checks its hash at the end.</summary>
    /// <exception cref="FaultException">Storage: the bytes are not those of the digest. Missing:
    /// the CAS lacks it.</exception>
    public async Task DownloadAsync(Digest digest, Stream target, CancellationToken cancellation)
    {
        if (digest.IsEmpty)
            return;
        using var hasher = BlobHasher.Create(digest.Function);
        await _cas.ReadAsync(digest, data =>
        {
            hasher.Append(data);
            target.Write(data);
        }, cancellation);
        if (hasher.Finish() != digest)
            throw new FaultException(FaultKind.Storage, $"{Address} sent other bytes than those of {digest}");
    }

    /// <summary>A blob that is a message.</summary>
    public async Task<T> DownloadMessageAsync<T>(Digest digest, MessageParser<T> parser, CancellationToken cancellation)
        where T : class, IMessage<T>
    {
        using var bytes = new MemoryStream();
        await DownloadAsync(digest, bytes, cancellation);
        return WireMessages.TryParse(parser, bytes.GetBuffer().AsSpan(0, (int)bytes.Length), out var message,
            out var problem)
            ? message
            : throw new FaultException(FaultKind.Storage, $"{digest} of {Address} is no {typeof(T).Name}: {problem}");
    }

    /// <summary>
    /// Executes and follows the operation to its end; a broken stream is taken up again with
    /// WaitExecution. Cancelling tells the server.
    /// </summary>
    /// <exception cref="RpcException">The call failed, or the operation was lost.</exception>
    public async Task<Reapi.ExecuteResponse> ExecuteAsync(
        Digest action, bool skipCache, Action<Reapi.ExecuteOperationMetadata> onStage, CancellationToken cancellation)
    {
        var request = new Reapi.ExecuteRequest
        {
            InstanceName = _options.Store.InstanceName,
            ActionDigest = action.ToWire(),
            DigestFunction = action.Function.ToWire(),
            SkipCacheLookup = skipCache,
        };
        var name = "";
        try
        {
            for (var attempt = 0; ; attempt++)
            {
                using var call = name.Length == 0
                    ? _execution.Execute(request, new CallOptions(_headers, cancellationToken: cancellation))
                    : _execution.WaitExecution(new Reapi.WaitExecutionRequest { Name = name },
                        new CallOptions(_headers, cancellationToken: cancellation));
                try
                {
                    while (await call.ResponseStream.MoveNext(cancellation))
                    {
                        var operation = call.ResponseStream.Current;
                        name = operation.Name;
                        if (operation.Metadata is { } any && any.TryUnpack(out Reapi.ExecuteOperationMetadata metadata))
                            onStage(metadata);
                        if (operation.Done)
                            return Answer(operation);
                    }
                }
                catch (RpcException error) when (error.StatusCode == StatusCode.Unavailable && attempt < 3
                    && name.Length > 0)
                {
                }
                if (attempt >= 3)
                    throw new RpcException(new Status(StatusCode.Unavailable,
                        "the stream of the operation ended four times without an answer"));
                await Task.Delay(TimeSpan.FromMilliseconds(200 << attempt), _time, cancellation);
            }
        }
        catch (Exception) when (cancellation.IsCancellationRequested)
        {
            await CancelAsync(name);
            throw new OperationCanceledException(cancellation);
        }
    }

    private async Task CancelAsync(string name)
    {
        if (name.Length == 0)
            return;
        try
        {
            await _operations.CancelOperationAsync(new CancelOperationRequest
            {
                Name = name,
            }, _headers, _time.GetUtcNow().UtcDateTime.AddSeconds(5));
        }
        catch (RpcException)
        {
            // Not every server offers it; the closed stream says the same, later.
        }
    }

    private static Reapi.ExecuteResponse Answer(Operation operation) => operation.ResultCase switch
    {
        Operation.ResultOneofCase.Response when operation.Response.TryUnpack(out Reapi.ExecuteResponse response) =>
            response,
        Operation.ResultOneofCase.Error => new Reapi.ExecuteResponse { Status = operation.Error },
        _ => throw new RpcException(
            new Status(StatusCode.Internal, $"the operation {operation.Name} is done but holds no ExecuteResponse")),
    };

    public async ValueTask DisposeAsync()
    {
        await _cas.DisposeAsync();
        _channel.Dispose();
    }
}
