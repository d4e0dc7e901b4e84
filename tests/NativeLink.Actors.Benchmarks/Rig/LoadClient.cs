using System.Collections.Concurrent;
using System.Diagnostics;
using Google.ByteStream;
using Google.LongRunning;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using NativeLink.Actors.Protocol;
using NativeLink.Actors.Protocol.Hashing;

namespace NativeLink.Actors.Benchmarks.Rig;

/// <summary>A lean REAPI client: actions are uploaded beforehand, so that the timed part is Execute alone.</summary>
internal sealed class LoadClient : IDisposable
{
    private const int BatchBytes = 2 << 20;
    private const int ChunkBytes = 1 << 20;

    private readonly GrpcChannel _channel;
    private readonly Reapi.Execution.ExecutionClient _execution;

    public LoadClient(string address)
    {
        _channel = GrpcChannel.ForAddress($"http://{address}");
        _execution = new(_channel);
    }

    /// <summary>What <see cref="UploadAsync"/> sends.</summary>
    public BlobSet Blobs { get; } = new();

    /// <summary>Sends every blob that was added since the last time.</summary>
    public async Task UploadAsync()
    {
        var cas = new Reapi.ContentAddressableStorage.ContentAddressableStorageClient(_channel);
        var (batch, size) = (new Reapi.BatchUpdateBlobsRequest(), 0);
        foreach (var (digest, data) in Blobs.Pending)
        {
            if (data.Length > BatchBytes)
            {
                await WriteAsync(digest, digest.SizeBytes, (at, length) => data.Memory.Slice((int)at, length));
                continue;
            }
            if (size + data.Length > BatchBytes && size > 0)
            {
                await cas.BatchUpdateBlobsAsync(batch);
                (batch, size) = (new Reapi.BatchUpdateBlobsRequest(), 0);
            }
            batch.Requests.Add(new Reapi.BatchUpdateBlobsRequest.Types.Request
            {
                Digest = digest.ToWire(),
                Data = data,
            });
            size += data.Length + 100;
        }
        await cas.BatchUpdateBlobsAsync(batch);
        Blobs.Clear();
    }

    /// <summary>Writes a blob of repeated bytes by ByteStream.</summary>
    public async Task<Digest> WriteBigAsync(long bytes, byte fill)
    {
        var chunk = new byte[ChunkBytes];
        Array.Fill(chunk, fill);
        using var hasher = BlobHasher.Create(DigestFunction.Sha256);
        for (long at = 0; at < bytes; at += chunk.Length)
            hasher.Append(chunk);
        var digest = hasher.Finish();
        await WriteAsync(digest, bytes, (_, length) => chunk.AsMemory(0, length));
        return digest;
    }

    private async Task WriteAsync(Digest digest, long bytes, Func<long, int, ReadOnlyMemory<byte>> part)
    {
        using var call = new ByteStream.ByteStreamClient(_channel).Write();
        var name = $"uploads/{Guid.NewGuid()}/blobs/{digest}";
        RpcException? early = null;
        try
        {
            for (long at = 0; at < bytes; at += ChunkBytes)
            {
                var length = (int)Math.Min(ChunkBytes, bytes - at);
                var data = UnsafeByteOperations.UnsafeWrap(part(at, length));
                await call.RequestStream.WriteAsync(new WriteRequest
                {
                    ResourceName = name,
                    WriteOffset = at,
                    Data = data,
                    FinishWrite = at + length == bytes,
                });
            }
            await call.RequestStream.CompleteAsync();
        }
        catch (RpcException error)
        {
            // The server has said all it had to say before it had the bytes: that the blob is there
            // already, or why it does not take it.
            early = error;
        }
        try
        {
            await call.ResponseAsync;
        }
        catch (RpcException error) when (error.StatusCode == StatusCode.Cancelled && early is not null)
        {
            // What ended the request on the wire hides the answer that came before it; the store knows.
            if (!await HasAsync(digest))
                throw;
        }
    }

    private async Task<bool> HasAsync(Digest digest)
    {
        var cas = new Reapi.ContentAddressableStorage.ContentAddressableStorageClient(_channel);
        return (await cas.FindMissingBlobsAsync(new Reapi.FindMissingBlobsRequest
        {
            BlobDigests = { digest.ToWire() },
        })).MissingBlobDigests.Count == 0;
    }

    /// <summary>Executes one action; throws unless it ends with exit code 0.</summary>
    public async Task<Reapi.ActionResult> ExecuteAsync(Digest action)
    {
        var response = await AnswerAsync(action);
        return response.Status is { Code: not 0 } || response.Result.ExitCode != 0
            ? throw new InvalidOperationException($"an action failed: {response}")
            : response.Result;
    }

    /// <summary>Executes one action; its answer, whatever it says.</summary>
    /// <param name="bound">How long it may take; without end when null.</param>
    /// <param name="cached">Whether it may be answered from the action cache.</param>
    /// <param name="cancel">Cancels the operation as soon as it runs.</param>
    public async Task<Reapi.ExecuteResponse> AnswerAsync(
        Digest action, TimeSpan? bound = null, bool cached = false, bool cancel = false)
    {
        var deadline = bound is { } longest ? DateTime.UtcNow + longest : (DateTime?)null;
        using var call = _execution.Execute(new Reapi.ExecuteRequest
        {
            ActionDigest = action.ToWire(),
            SkipCacheLookup = !cached,
        }, deadline: deadline);
        while (await call.ResponseStream.MoveNext(default))
        {
            var operation = call.ResponseStream.Current;
            if (operation.Done)
                return operation.Response.Unpack<Reapi.ExecuteResponse>();
            if (!cancel || operation.Metadata.Unpack<Reapi.ExecuteOperationMetadata>().Stage
                != Reapi.ExecutionStage.Types.Value.Executing)
                continue;
            cancel = false;
            await new Operations.OperationsClient(_channel).CancelOperationAsync(
                new CancelOperationRequest { Name = operation.Name }, deadline: deadline);
        }
        throw new InvalidOperationException("the stream ended without an answer");
    }

    /// <summary>Executes all, so many at a time; the time for all and the time of each.</summary>
    public async Task<(TimeSpan Total, TimeSpan[] Each)> ExecuteAllAsync(IEnumerable<Digest> actions, int inflight)
    {
        var queue = new ConcurrentQueue<Digest>(actions);
        var each = new ConcurrentBag<TimeSpan>();
        var began = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, inflight).Select(async _ =>
        {
            while (queue.TryDequeue(out var action))
            {
                var start = Stopwatch.GetTimestamp();
                await ExecuteAsync(action);
                each.Add(Stopwatch.GetElapsedTime(start));
            }
        }));
        return (Stopwatch.GetElapsedTime(began), [.. each]);
    }

    public void Dispose() => _channel.Dispose();
}
