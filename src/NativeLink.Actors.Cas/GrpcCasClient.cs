using System.Buffers;
using System.Collections.Immutable;
using Grpc.Core;
using NativeLink.Actors.Cas.Blobs;
using NativeLink.Actors.Cas.Channels;
using NativeLink.Actors.Cas.Codec;
using CasStub = Build.Bazel.Remote.Execution.V2.ContentAddressableStorage.ContentAddressableStorageClient;

namespace NativeLink.Actors.Cas;

/// <summary>A CAS behind gRPC (REAPI ContentAddressableStorage and ByteStream; wire contract 2).</summary>
public sealed class GrpcCasClient : ICasClient
{
    /// <summary>A digest in a message takes about 75 bytes: 20,000 of them stay well below 4 MiB.</summary>
    private const int DigestsPerCall = 20_000;

    /// <summary>More directories than any tree may have; a server that repeats subtrees without end is not followed further.</summary>
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

    public async Task<ImmutableArray<Digest>> FindMissingAsync(IReadOnlyCollection<Digest> digests, CancellationToken cancellation)
    {
        var asked = digests.Where(digest => !digest.IsEmpty).Distinct().ToArray();
        if (asked.Length == 0)
            return [];
        var missing = new HashSet<Digest>();
        foreach (var part in asked.Chunk(DigestsPerCall))
        {
            var request = new Reapi.FindMissingBlobsRequest { InstanceName = _options.InstanceName, DigestFunction = part[0].Function.ToWire() };
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

    public async Task<IReadOnlyList<BatchBlob>> ReadBatchAsync(IReadOnlyCollection<Digest> digests, CancellationToken cancellation)
    {
        if (digests.Count == 0)
            return [];
        var capabilities = await _capabilities.GetAsync(cancellation);
        var zstd = _options.Compression && capabilities.ZstdStreams;
        var result = new List<BatchBlob>(digests.Count);
        foreach (var part in Parts(digests, digest => digest.SizeBytes, capabilities.MaxBatchBytes))
            result.AddRange(await _batches.ReadAsync(part, zstd && part.Any(digest => digest.SizeBytes >= Zstd.SmallestBytes), cancellation));
        return result;
    }

    public async Task ReadAsync(Digest digest, Func<BlobPiece, ValueTask> sink, CancellationToken cancellation)
    {
        if (digest.IsEmpty)
            return;
        var zstd = _options.Compression && digest.SizeBytes >= Zstd.SmallestBytes && (await _capabilities.GetAsync(cancellation)).ZstdStreams;
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
            throw new FaultException(new Fault(FaultKind.Missing, error.Fault.Detail) { Code = StatusCode.NotFound, Missing = [root] }, error);
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

    public async Task WriteBatchAsync(IReadOnlyCollection<(Digest Digest, ReadOnlyMemory<byte> Data)> blobs, CancellationToken cancellation)
    {
        if (blobs.Count == 0)
            return;
        var capabilities = await _capabilities.GetAsync(cancellation);
        foreach (var part in Parts(blobs, blob => blob.Digest.SizeBytes, capabilities.MaxBatchBytes))
            await _batches.WriteAsync(part, _options.Compression && capabilities.ZstdBatchUpdates, cancellation);
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

    /// <summary>Splits what is more than a call may carry; normally there is one part.</summary>
    private static IEnumerable<List<T>> Parts<T>(IReadOnlyCollection<T> items, Func<T, long> size, int limit)
    {
        var part = new List<T>(items.Count);
        var weight = new BatchWeight(limit);
        foreach (var item in items)
        {
            if (!weight.TryAdd(size(item)))
            {
                yield return part;
                (part, weight) = ([], new BatchWeight(limit));
                weight.TryAdd(size(item));
            }
            part.Add(item);
        }
        yield return part;
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
        // A token seen before would lead round in a circle, and a page of repeated directories into a tree that is larger than what it says.
        while (token.Length > 0 && fresh && seen.Add(token));
        return [.. tree];
    }
}
