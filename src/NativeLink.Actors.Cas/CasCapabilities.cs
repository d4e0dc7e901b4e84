using Grpc.Core;
using NativeLink.Actors.Cas.Channels;

namespace NativeLink.Actors.Cas;

/// <summary>What a CAS says of itself, as far as the client acts on it.</summary>
/// <param name="MaxBatchBytes">Payload of one batch call.</param>
/// <param name="MaxBlobBytes">Of the largest blob that is taken.</param>
/// <param name="ZstdStreams">ByteStream and batch reads may be compressed.</param>
/// <param name="ZstdBatchUpdates">Batch updates may be compressed.</param>
internal sealed record CasCapabilities(int MaxBatchBytes, long MaxBlobBytes, bool ZstdStreams, bool ZstdBatchUpdates)
{
    /// <summary>What NativeLink advertises and does not mean (protos/README.md 2.2): uploads of 2 MiB work.</summary>
    private const long NativeLinkFigure = 65536;

    private const int UsualBatchBytes = 2 << 20;

    /// <summary>gRPC's 4 MiB message, less room for digests and framing.</summary>
    private const int LargestBatchBytes = (4 << 20) - (256 << 10);

    public static readonly CasCapabilities Defaults = new(UsualBatchBytes, long.MaxValue, false, false);

    public static CasCapabilities From(Reapi.CacheCapabilities? cache)
    {
        if (cache is null)
            return Defaults;
        var batch = cache.MaxBatchTotalSizeBytes switch
        {
            <= 0 or NativeLinkFigure => UsualBatchBytes,
            var figure => (int)Math.Min(figure, LargestBatchBytes),
        };
        return new CasCapabilities(
            batch,
            cache.MaxCasBlobSizeBytes > 0 ? cache.MaxCasBlobSizeBytes : long.MaxValue,
            cache.SupportedCompressors.Contains(Reapi.Compressor.Types.Value.Zstd),
            cache.SupportedBatchUpdateCompressors.Contains(Reapi.Compressor.Types.Value.Zstd));
    }
}

/// <summary>
/// Asks for the capabilities once, when they are first needed; a server that cannot say is taken
/// with defaults and asked again later.
/// </summary>
internal sealed class CapabilitiesLookup(RpcCaller caller, string instance, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan AskAgainAfter = TimeSpan.FromSeconds(30);

    private readonly SemaphoreSlim _one = new(1);
    private CasCapabilities? _known;
    private long _failedAt;
    private bool _failed;

    /// <summary>What is known without asking.</summary>
    public CasCapabilities Known => _known ?? CasCapabilities.Defaults;

    public async ValueTask<CasCapabilities> GetAsync(CancellationToken cancellation)
    {
        if (_known is { } known)
            return known;
        await _one.WaitAsync(cancellation);
        try
        {
            if (_known is null && !(_failed && time.GetElapsedTime(_failedAt) < AskAgainAfter))
                await AskAsync(cancellation);
            return Known;
        }
        finally
        {
            _one.Release();
        }
    }

    public void Dispose() => _one.Dispose();

    private async Task AskAsync(CancellationToken cancellation)
    {
        try
        {
            var request = new Reapi.GetCapabilitiesRequest { InstanceName = instance };
            var answer = await caller.CallAsync("GetCapabilities", 0, async attempt =>
                await new Reapi.Capabilities.CapabilitiesClient(attempt.Invoker).GetCapabilitiesAsync(
                    request, attempt.Options), cancellation);
            _known = CasCapabilities.From(answer.CacheCapabilities);
        }
        catch (FaultException error) when (error.Fault.Code == StatusCode.Unimplemented)
        {
            _known = CasCapabilities.Defaults;
        }
        catch (FaultException)
        {
            (_failed, _failedAt) = (true, time.GetTimestamp());
        }
    }
}
