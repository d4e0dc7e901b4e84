using System.Buffers;
using System.Collections.Immutable;
using Grpc.Core;
using NativeLink.Actors.Cas.Blobs;
using NativeLink.Actors.Cas.Channels;
using NativeLink.Actors.Cas.Codec;
using CasStub = Build.Bazel.Remote.Execution.V2.ContentAddressableStorage.ContentAddressableStorageClient;

namespace NativeLink.Actors.Cas;

/// <summary>A CAS behind gRPC (REAPI ContentAddressableStorage and ByteStream; protos/README.md 2).</summary>
internal sealed class GrpcCasClient : ICasClient
{
    /// <summary>A digest in a message takes about 75 bytes: 20,000 of them stay well below 4 MiB.</summary>
    private const int DigestsPerCall = 20_000;

    /// <summary>
    /// More directories than any tree may have; a server that
    /// repeats subtrees without end is not followed further.
    /// </summary>
    private const int LargestTree = 200_000;

    private const int TreePage = 1000;

    private readonly GrpcStoreOptions _options;
    private readonly RpcCaller _caller;
    private readonly CapabilitiesLookup _capabilities;
    private readonly BlobBatches _batches;
    private readonly BlobReader _reader;
    private readonly BlobUploader _uploader;
    private volatile bool _withoutGetTree;

    /// <exception cref="FaultException">Worker: no endpoint, or a TLS file cannot be used.</exception>
    public GrpcCasClient(GrpcStoreOptions options, TimeProvider time, Random random)
    {
        _options = options;
        _caller = new RpcCaller(options, time, random);
        _capabilities = new CapabilitiesLookup(_caller, options.InstanceName, time);
        _batches = new BlobBatches(_caller, options.InstanceName);
        _reader = new BlobReader(_caller, options.InstanceName, options.UseLegacyResourceNames);
        _uploader = new BlobUploader(_caller, options.InstanceName, options.UseLegacyResourceNames);
    }

    public int MaxBatchBytes => _capabilities.Known.MaxBatchBytes;

    public long MaxBlobBytes => _capabilities.Known.MaxBlobBytes;

    public long Absences => _caller.Absences;

    public async Task<ImmutableArray<Digest>> FindMissingAsync(
        IReadOnlyCollection<Digest> digests, CancellationToken cancellation)
    {
        var asked = digests.Where(digest => !digest.IsEmpty).Distinct().ToArray();
        if (asked.Length == 0)
            return [];
        var missing = new HashSet<Digest>();
        // A call has one digest function; its answers are read as that function's.
        foreach (var part in asked.GroupBy(static digest => digest.Function)
            .SelectMany(static same => same.Chunk(DigestsPerCall)))
        {
            var request = new Reapi.FindMissingBlobsRequest
            {
                InstanceName = _options.InstanceName,
                DigestFunction = part[0].Function.ToWire(),
            };
            request.BlobDigests.AddRange(part.Select(digest => digest.ToWire()));
            var response = await _caller.CallAsync($"FindMissingBlobs of {part.Length}", 0, async attempt =>
                await new CasStub(attempt.Invoker).FindMissingBlobsAsync(request, attempt.Options), cancellation);
            foreach (var wire in response.MissingBlobDigests)
            {
                if (Digest.TryFromWire(wire, part[0].Function, out var digest))
                    missing.Add(digest);
            }
        }
        return [.. asked.Where(missing.Contains)];
    }

    public async Task<IReadOnlyList<BatchBlob>> ReadBatchAsync(
        IReadOnlyCollection<Digest> digests, CancellationToken cancellation)
    {
        if (digests.Count == 0)
            return [];
        var capabilities = await _capabilities.GetAsync(cancellation);
        var zstd = _options.Compression && capabilities.ZstdStreams;
        var result = new List<BatchBlob>(digests.Count);
        foreach (var digest in digests.Where(digest => digest.SizeBytes > capabilities.MaxBatchBytes))
            result.Add(await ReadWholeAsync(digest, cancellation));
        foreach (var part in Parts(digests, static digest => digest, capabilities.MaxBatchBytes))
            result.AddRange(await _batches.ReadAsync(part, zstd
                && part.Any(digest => digest.SizeBytes >= Zstd.SmallestBytes), cancellation));
        return result;
    }

    public async Task ReadAsync(Digest digest, Func<BlobPiece, ValueTask> sink, CancellationToken cancellation)
    {
        if (digest.IsEmpty)
            return;
        var zstd = _options.Compression && digest.SizeBytes >= Zstd.SmallestBytes
            && (await _capabilities.GetAsync(cancellation)).ZstdStreams;
        await _reader.ReadAsync(digest, zstd, sink, cancellation);
    }

    public async Task<IReadOnlyList<Reapi.Directory>?> GetTreeAsync(Digest root, CancellationToken cancellation)
    {
        if (_withoutGetTree)
            return null;
        try
        {
            return await _caller.CallAsync($"GetTree of {root}", 0, attempt => PagesAsync(root, attempt), cancellation);
        }
        catch (FaultException error) when (error.Fault.Code == StatusCode.NotFound)
        {
            throw new FaultException(new Fault(FaultKind.Missing, error.Fault.Detail)
            {
                Code = StatusCode.NotFound,
                Missing = [root],
            }, error);
        }
        catch (FaultException error) when (error.Fault.Code is StatusCode.Unimplemented)
        {
            _withoutGetTree = true;
            return null;
        }
        catch (FaultException error) when (error.Fault.Code is StatusCode.ResourceExhausted or StatusCode.OutOfRange)
        {
            return null;
        }
    }

    public async Task<IReadOnlyDictionary<Digest, Fault>> TryWriteBatchAsync(
        IReadOnlyCollection<(Digest Digest, ReadOnlyMemory<byte> Data)> blobs, CancellationToken cancellation)
    {
        var refused = new Dictionary<Digest, Fault>();
        if (blobs.Count == 0)
            return refused;
        var capabilities = await _capabilities.GetAsync(cancellation);
        foreach (var (digest, data) in blobs.Where(blob => blob.Digest.SizeBytes > capabilities.MaxBatchBytes))
        {
            if (await WriteWholeAsync(digest, data, cancellation) is { } fault)
                refused[digest] = fault;
        }
        var parts = Parts(blobs, static blob => blob.Digest, capabilities.MaxBatchBytes).ToList();
        foreach (var part in parts)
        {
            try
            {
                foreach (var (digest, fault) in await _batches.WriteAsync(
                    part, _options.Compression && capabilities.ZstdBatchUpdates, cancellation))
                    refused[digest] = fault;
            }
            catch (FaultException error) when (part.Count < blobs.Count)
            {
                // What other calls have brought there is there.
                foreach (var (digest, _) in part)
                    refused[digest] = error.Fault;
            }
        }
        return refused;
    }

    public async Task WriteAsync(Digest digest, BlobSource source, CancellationToken cancellation)
    {
        var zstd = _options.Compression && digest.SizeBytes >= Zstd.SmallestBytes
            && (await _capabilities.GetAsync(cancellation)).ZstdStreams && Pays(source);
        await _uploader.WriteAsync(digest, source, zstd, cancellation);
    }

    public ValueTask DisposeAsync()
    {
        _capabilities.Dispose();
        _caller.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>
    /// Splits by digest function, and what is more than a call may carry; normally there is one
    /// part. What no batch may carry is left out.
    /// </summary>
    private static IEnumerable<List<T>> Parts<T>(IReadOnlyCollection<T> items, Func<T, Digest> digestOf, int limit)
    {
        foreach (var same in items.Where(item => digestOf(item).SizeBytes <= limit)
            .GroupBy(item => digestOf(item).Function))
        {
            var part = new List<T>(items.Count);
            var weight = new BatchWeight(limit);
            foreach (var item in same)
            {
                if (!weight.TryAdd(digestOf(item).SizeBytes))
                {
                    yield return part;
                    (part, weight) = ([], new BatchWeight(limit));
                    weight.TryAdd(digestOf(item).SizeBytes);
                }
                part.Add(item);
            }
            yield return part;
        }
    }

    /// <summary>A blob that is small to us and too large for this server's batches.</summary>
    private async Task<BatchBlob> ReadWholeAsync(Digest digest, CancellationToken cancellation)
    {
        try
        {
            var data = new MemoryStream((int)digest.SizeBytes);
            await CasClientCalls.ReadAsync(this, digest, piece => data.Write(piece), cancellation);
            return new BatchBlob(digest, data.GetBuffer().AsMemory(0, (int)data.Length), null);
        }
        catch (FaultException error)
        {
            return new BatchBlob(digest, default, error.Fault);
        }
    }

    /// <inheritdoc cref="ReadWholeAsync"/>
    private async Task<Fault?> WriteWholeAsync(Digest digest, ReadOnlyMemory<byte> data, CancellationToken cancellation)
    {
        try
        {
            await WriteAsync(digest, new BlobSource(data, null), cancellation);
            return null;
        }
        catch (FaultException error)
        {
            return error.Fault;
        }
    }

    private static bool Pays(BlobSource source)
    {
        if (source.File is null)
            return Zstd.Pays(source.Data.Span[..Math.Min(source.Data.Length, Zstd.SmallestBytes)]);
        var sample = ArrayPool<byte>.Shared.Rent(Zstd.SmallestBytes);
        try
        {
            return Zstd.Pays(sample.AsSpan(0, source.Read(sample.AsSpan(0, Zstd.SmallestBytes), 0)));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(sample);
        }
    }

    private async Task<IReadOnlyList<Reapi.Directory>?> PagesAsync(Digest root, RpcAttempt attempt)
    {
        var tree = new HashSet<Reapi.Directory>();
        var received = 0;
        var fresh = false;
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var token = "";
        do
        {
            // A message of its own for each page: the last one may still be on its way out.
            var request = new Reapi.GetTreeRequest
            {
                InstanceName = _options.InstanceName,
                RootDigest = root.ToWire(),
                PageSize = TreePage,
                PageToken = token,
                DigestFunction = root.Function.ToWire(),
            };
            using var call = new CasStub(attempt.Invoker).GetTree(request, attempt.Options);
            (token, fresh) = ("", false);
            while (await call.ResponseStream.MoveNext(attempt.Options.CancellationToken))
            {
                var page = call.ResponseStream.Current;
                foreach (var directory in page.Directories)
                    fresh |= tree.Add(directory);
                received += page.Directories.Count;
                CasMetrics.RecordDownload(page.Directories.Sum(static directory => (long)directory.CalculateSize()));
                token = page.NextPageToken;
                if (received > LargestTree)
                    return null;
            }
        }
        // A token seen before would lead round in a circle, and a page of repeated directories into
        // a tree that is larger than what it says.
        while (token.Length > 0 && fresh && seen.Add(token));
        return [.. tree];
    }
}
