using Google.ByteStream;
using Google.LongRunning;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using NativeLink.Actors.Cli.Hosting;
using NativeLink.Actors.Protocol;
using NativeLink.Actors.Storage.Hashing;

namespace NativeLink.Actors.Cli.Client;

/// <summary>The few REAPI calls that <c>exec</c> needs. One connection, SHA-256, no compression. Every unary call has a deadline.</summary>
public sealed class ReapiClient : IDisposable
{
    private const int ChunkBytes = 256 * 1024;
    private const int DefaultBatchBytes = 4_000_000 - 65_536;
    private const int DigestsPerCall = 10_000;
    private static readonly TimeSpan CallTimeout = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(20);

    private readonly GrpcChannel _channel;
    private readonly string _instance;
    private readonly TimeProvider _time;
    private readonly Reapi.ContentAddressableStorage.ContentAddressableStorageClient _cas;
    private readonly ByteStream.ByteStreamClient _bytes;
    private readonly Reapi.Execution.ExecutionClient _execution;
    private readonly Operations.OperationsClient _operations;
    private int _batchBytes = DefaultBatchBytes;

    /// <param name="executor">http:// or https://, as <see cref="ParseAddress"/> makes it.</param>
    public ReapiClient(Uri executor, string instance, TimeProvider time)
    {
        (_instance, _time) = (instance, time);
        Address = executor;
        _channel = GrpcChannel.ForAddress(executor, new GrpcChannelOptions
        {
            HttpHandler = new SocketsHttpHandler
            {
                ConnectTimeout = ConnectTimeout,
                KeepAlivePingDelay = TimeSpan.FromSeconds(30),
                KeepAlivePingTimeout = TimeSpan.FromSeconds(20),
                PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan,
                EnableMultipleHttp2Connections = true,
            },
            DisposeHttpClient = true,
            MaxReceiveMessageSize = 16 << 20,
        });
        _cas = new(_channel);
        _bytes = new(_channel);
        _execution = new(_channel);
        _operations = new(_channel);
    }

    public Uri Address { get; }

    /// <summary>Turns <c>grpc://</c>, <c>grpcs://</c>, <c>http(s)://</c> or a bare <c>host:port</c> into an address for the channel.</summary>
    /// <exception cref="UsageException">The text is none of these.</exception>
    public static Uri ParseAddress(string text)
    {
        var address = text.Contains("://", StringComparison.Ordinal) ? text : "grpc://" + text;
        if (!Uri.TryCreate(address, UriKind.Absolute, out var uri) || uri.Host.Length == 0 || uri.Port < 0 && uri.Scheme is "grpc" or "grpcs")
            throw new UsageException($"--executor {text}: write grpc://HOST:PORT, or grpcs://HOST:PORT for TLS");
        var scheme = uri.Scheme switch
        {
            "grpc" or "http" => "http",
            "grpcs" or "https" => "https",
            _ => throw new UsageException($"--executor {text}: '{uri.Scheme}' is no scheme for an executor; use grpc:// or grpcs://"),
        };
        return new UriBuilder(scheme, uri.Host, uri.IsDefaultPort ? (scheme == "https" ? 443 : 80) : uri.Port).Uri;
    }

    /// <summary>Asks the server what it can do, and learns the batch limit.</summary>
    /// <exception cref="FaultException">The server does not execute, or does not know SHA-256.</exception>
    public async Task CheckCapabilitiesAsync(CancellationToken cancellation)
    {
        var client = new Reapi.Capabilities.CapabilitiesClient(_channel);
        var answer = await client.GetCapabilitiesAsync(new Reapi.GetCapabilitiesRequest { InstanceName = _instance }, Call(cancellation));
        if (answer.ExecutionCapabilities is not { ExecEnabled: true })
            throw new FaultException(FaultKind.Action, $"{Address} stores blobs but executes nothing for instance '{_instance}'; is this the right address and instance name?");
        if (!answer.CacheCapabilities.DigestFunctions.Contains(Reapi.DigestFunction.Types.Value.Sha256))
            throw new FaultException(FaultKind.Action, $"{Address} does not serve SHA-256, the only digest function of this client");
        _batchBytes = answer.CacheCapabilities.MaxBatchTotalSizeBytes switch
        {
            > 0 and < DefaultBatchBytes and var limit => (int)limit,
            _ => DefaultBatchBytes,
        };
    }

    /// <summary>Uploads what the CAS lacks; returns how many blobs and bytes that were.</summary>
    /// <exception cref="RpcException">The server refused; the detail says why.</exception>
    public async Task<(int Blobs, long Bytes)> UploadAsync(IReadOnlyDictionary<Digest, UploadBlob> blobs, CancellationToken cancellation)
    {
        var missing = await FindMissingAsync(blobs.Keys.Where(digest => !digest.IsEmpty), cancellation);
        var batch = new Reapi.BatchUpdateBlobsRequest();
        long batched = 0;
        foreach (var digest in missing.Order())
        {
            if (digest.SizeBytes > _batchBytes / 2)
            {
                await WriteStreamAsync(digest, blobs[digest], cancellation);
                continue;
            }
            if (batched + digest.SizeBytes > _batchBytes && batched > 0)
            {
                await SendBatchAsync(batch, cancellation);
                (batch, batched) = (new Reapi.BatchUpdateBlobsRequest(), 0);
            }
            batch.Requests.Add(new Reapi.BatchUpdateBlobsRequest.Types.Request { Digest = digest.ToWire(), Data = await LoadAsync(digest, blobs[digest], cancellation) });
            batched += digest.SizeBytes + 128;
        }
        if (batch.Requests.Count > 0)
            await SendBatchAsync(batch, cancellation);
        return (missing.Count, missing.Sum(digest => digest.SizeBytes));
    }

    private async Task<List<Digest>> FindMissingAsync(IEnumerable<Digest> digests, CancellationToken cancellation)
    {
        var missing = new List<Digest>();
        foreach (var part in digests.Chunk(DigestsPerCall))
        {
            var request = new Reapi.FindMissingBlobsRequest { InstanceName = _instance, DigestFunction = Reapi.DigestFunction.Types.Value.Sha256 };
            request.BlobDigests.Add(part.Select(digest => digest.ToWire()));
            var answer = await _cas.FindMissingBlobsAsync(request, Call(cancellation));
            missing.AddRange(answer.MissingBlobDigests.Select(wire => Digest.FromWire(wire, DigestFunction.Sha256, "a missing blob")).Intersect(part));
        }
        return missing;
    }

    /// <exception cref="FaultException">Action: the file is not what it was when it was read first.</exception>
    private static async Task<ByteString> LoadAsync(Digest digest, UploadBlob blob, CancellationToken cancellation)
    {
        if (blob.Data is { } data)
            return data;
        var bytes = await ReadAsync(blob.File!, () => File.ReadAllBytesAsync(blob.File!, cancellation));
        return BlobHasher.Compute(bytes, digest.Function) == digest ? UnsafeByteOperations.UnsafeWrap(bytes) : throw Changed(blob.File!);
    }

    private static async Task<T> ReadAsync<T>(string file, Func<Task<T>> read)
    {
        try
        {
            return await read();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new FaultException(FaultKind.Action, $"the input {file} cannot be read any more: {Reasons.Of(error)}", error);
        }
    }

    private static FaultException Changed(string file) =>
        new(FaultKind.Action, $"the input {file} changed while it was read; run again when nothing writes to it");

    private async Task SendBatchAsync(Reapi.BatchUpdateBlobsRequest batch, CancellationToken cancellation)
    {
        (batch.InstanceName, batch.DigestFunction) = (_instance, Reapi.DigestFunction.Types.Value.Sha256);
        var answer = await _cas.BatchUpdateBlobsAsync(batch, Call(cancellation));
        if (answer.Responses.FirstOrDefault(response => response.Status is { Code: not 0 }) is { } refused)
            throw new RpcException(new Status((StatusCode)refused.Status.Code, $"the CAS refused {refused.Digest.Hash}/{refused.Digest.SizeBytes}: {refused.Status.Message}"));
    }

    private async Task WriteStreamAsync(Digest digest, UploadBlob blob, CancellationToken cancellation)
    {
        using var call = _bytes.Write(new CallOptions(cancellationToken: cancellation));
        using var file = blob.File is null ? null : await ReadAsync(blob.File, () => Task.FromResult(File.OpenHandle(blob.File, options: FileOptions.SequentialScan)));
        using var hasher = BlobHasher.Create(digest.Function);
        var name = new ResourceName(_instance, Guid.NewGuid().ToString(), BlobCompressor.Identity, digest, NamesFunction: false).ToString();
        try
        {
            for (long at = 0; at < digest.SizeBytes; name = "")
            {
                var chunk = new byte[Math.Min(ChunkBytes, digest.SizeBytes - at)];
                var length = file is null ? CopyChunk(blob.Data!, at, chunk) : await ReadAsync(blob.File!, () => RandomAccess.ReadAsync(file, chunk, at, cancellation).AsTask());
                hasher.Append(chunk.AsSpan(0, length));
                if (length == 0 || (file is not null && at + length == digest.SizeBytes && hasher.Finish() != digest))
                    throw Changed(blob.File!);
                await call.RequestStream.WriteAsync(new WriteRequest
                {
                    ResourceName = name,
                    WriteOffset = at,
                    Data = UnsafeByteOperations.UnsafeWrap(chunk.AsMemory(0, length)),
                    FinishWrite = at + length == digest.SizeBytes,
                }, cancellation);
                at += length;
            }
            await call.RequestStream.CompleteAsync();
        }
        catch (Exception error) when (error is RpcException or InvalidOperationException)
        {
            // The server has answered already: either it has the blob, or the answer below says what is wrong.
        }
        await call.ResponseAsync;
    }

    private static int CopyChunk(ByteString data, long at, byte[] chunk)
    {
        data.Span.Slice((int)at, chunk.Length).CopyTo(chunk);
        return chunk.Length;
    }

    /// <summary>Streams a blob into <paramref name="sink"/> and checks its hash at the end.</summary>
    /// <exception cref="FaultException">Storage: the bytes are not those of the digest.</exception>
    public async Task DownloadAsync(Digest digest, Func<ReadOnlyMemory<byte>, ValueTask> sink, CancellationToken cancellation)
    {
        if (digest.IsEmpty)
            return;
        using var hasher = BlobHasher.Create(digest.Function);
        var name = new ResourceName(_instance, null, BlobCompressor.Identity, digest, NamesFunction: false).ToString();
        using var call = _bytes.Read(new ReadRequest { ResourceName = name }, new CallOptions(cancellationToken: cancellation));
        while (await call.ResponseStream.MoveNext(cancellation))
        {
            var data = call.ResponseStream.Current.Data.Memory;
            hasher.Append(data.Span);
            await sink(data);
        }
        if (hasher.Finish() != digest)
            throw new FaultException(FaultKind.Storage, $"{Address} sent other bytes than those of {digest}");
    }

    /// <summary>A blob that is a message.</summary>
    public async Task<T> DownloadMessageAsync<T>(Digest digest, MessageParser<T> parser, CancellationToken cancellation)
        where T : class, IMessage<T>
    {
        using var bytes = new MemoryStream();
        await DownloadAsync(digest, data => bytes.WriteAsync(data, cancellation), cancellation);
        return WireMessages.TryParse(parser, bytes.GetBuffer().AsSpan(0, (int)bytes.Length), out var message, out var problem)
            ? message
            : throw new FaultException(FaultKind.Storage, $"{digest} of {Address} is no {typeof(T).Name}: {problem}");
    }

    /// <summary>
    /// Executes and follows the operation to its end; a broken stream is taken up again with WaitExecution. Cancelling tells the server.
    /// </summary>
    /// <exception cref="RpcException">The call failed, or the operation was lost.</exception>
    public async Task<Reapi.ExecuteResponse> ExecuteAsync(
        Digest action, bool skipCache, Action<Reapi.ExecuteOperationMetadata> onStage, CancellationToken cancellation)
    {
        var request = new Reapi.ExecuteRequest
        {
            InstanceName = _instance,
            ActionDigest = action.ToWire(),
            DigestFunction = Reapi.DigestFunction.Types.Value.Sha256,
            SkipCacheLookup = skipCache,
        };
        var name = "";
        try
        {
            for (var attempt = 0; ; attempt++)
            {
                using var call = name.Length == 0
                    ? _execution.Execute(request, new CallOptions(cancellationToken: cancellation))
                    : _execution.WaitExecution(new Reapi.WaitExecutionRequest { Name = name }, new CallOptions(cancellationToken: cancellation));
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
                catch (RpcException error) when (error.StatusCode == StatusCode.Unavailable && attempt < 3 && name.Length > 0)
                {
                }
                if (attempt >= 3)
                    throw new RpcException(new Status(StatusCode.Unavailable, "the stream of the operation ended four times without an answer"));
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
            await _operations.CancelOperationAsync(new CancelOperationRequest { Name = name }, deadline: _time.GetUtcNow().UtcDateTime.AddSeconds(5));
        }
        catch (RpcException)
        {
            // Not every server offers it; the closed stream says the same, later.
        }
    }

    private static Reapi.ExecuteResponse Answer(Operation operation) => operation.ResultCase switch
    {
        Operation.ResultOneofCase.Response when operation.Response.TryUnpack(out Reapi.ExecuteResponse response) => response,
        Operation.ResultOneofCase.Error => new Reapi.ExecuteResponse { Status = operation.Error },
        _ => throw new RpcException(new Status(StatusCode.Internal, $"the operation {operation.Name} is done but holds no ExecuteResponse")),
    };

    private CallOptions Call(CancellationToken cancellation) =>
        new(deadline: _time.GetUtcNow().UtcDateTime + CallTimeout, cancellationToken: cancellation);

    public void Dispose() => _channel.Dispose();
}
