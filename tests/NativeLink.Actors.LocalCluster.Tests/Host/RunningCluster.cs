using System.Net;
using Google.ByteStream;
using Grpc.Net.Client;
using Microsoft.Extensions.Logging.Abstractions;
using NativeLink.Actors.Storage.Filesystem;

namespace NativeLink.Actors.LocalCluster.Tests.Host;

/// <summary>A local cluster on free ports and a directory of its own, with clients of all its services.</summary>
internal sealed class RunningCluster : IAsyncDisposable
{
    /// <summary>Where a clock that stands until it is moved begins: after every time of a file here.</summary>
    public static readonly DateTimeOffset Start = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly TempDirectory? _directory;
    private readonly GrpcChannel _channel;

    private RunningCluster(LocalClusterHost host, string data, TempDirectory? directory)
    {
        (Server, DataDirectory, _directory) = (host, data, directory);
        _channel = GrpcChannel.ForAddress($"http://{host.ClientAddress}", new GrpcChannelOptions
        {
            MaxReceiveMessageSize = null,
        });
        Cas = new Reapi.ContentAddressableStorage.ContentAddressableStorageClient(_channel);
        Bytes = new ByteStream.ByteStreamClient(_channel);
        Actions = new Reapi.ActionCache.ActionCacheClient(_channel);
        Capabilities = new Reapi.Capabilities.CapabilitiesClient(_channel);
    }

    public LocalClusterHost Server { get; }

    public string DataDirectory { get; }

    public Reapi.ContentAddressableStorage.ContentAddressableStorageClient Cas { get; }

    public ByteStream.ByteStreamClient Bytes { get; }

    public Reapi.ActionCache.ActionCacheClient Actions { get; }

    public Reapi.Capabilities.CapabilitiesClient Capabilities { get; }

    public static LocalClusterOptions OptionsFor(string directory) => new()
    {
        Listen = new IPEndPoint(IPAddress.Loopback, 0),
        WorkerApiListen = new IPEndPoint(IPAddress.Loopback, 0),
        Cas = new ContentStoreOptions(Path.Combine(directory, "cas"), Path.Combine(directory, "tmp")),
        ActionCachePath = Path.Combine(directory, "ac"),
    };

    /// <param name="directory">Data of an earlier cluster, which stays; null: a new one that goes
    /// with this cluster.</param>
    public static async Task<RunningCluster> StartAsync(
        Func<LocalClusterOptions, LocalClusterOptions>? change = null, string? directory = null,
        TimeProvider? time = null)
    {
        var own = directory is null ? new TempDirectory() : null;
        var data = directory ?? own!.Path;
        var options = OptionsFor(data);
        try
        {
            var host = await LocalClusterHost.StartAsync(
                change?.Invoke(options) ?? options, NullLoggerFactory.Instance, time ?? TimeProvider.System);
            return new RunningCluster(host, data, own);
        }
        catch
        {
            own?.Dispose();
            throw;
        }
    }

    /// <summary>Puts a blob into the store without a call.</summary>
    public Digest Put(ReadOnlySpan<byte> content, DigestFunction function = DigestFunction.Sha256)
    {
        var digest = Blobs.DigestOf(content, function);
        Server.Cas.Put(digest, content);
        return digest;
    }

    public async ValueTask DisposeAsync()
    {
        _channel.Dispose();
        await Server.DisposeAsync();
        _directory?.Dispose();
    }
}
