using NativeLink.Actors.Cas.Channels;
using NativeLink.Actors.Testing.Cas;

namespace NativeLink.Actors.Cas.Tests;

/// <summary>A fake CAS on a real port, and clients of it.</summary>
public abstract class CasClientSpec : IAsyncLifetime
{
    private readonly List<IAsyncDisposable> _open = [];

    protected FakeCasServer Server { get; private set; } = null!;

    protected static CancellationToken None => CancellationToken.None;

    public virtual async Task InitializeAsync() => _open.Add(Server = await FakeCasServer.StartAsync());

    public virtual async Task DisposeAsync()
    {
        foreach (var one in Enumerable.Reverse(_open))
            await one.DisposeAsync();
    }

    protected GrpcStoreOptions Options(int retries = 0) => new()
    {
        InstanceName = "main",
        Endpoints = [new GrpcEndpointOptions(Server.Address)],
        Retry = new RetryOptions(retries, TimeSpan.FromMilliseconds(1), 0.5),
    };

    private protected GrpcCasClient Client(GrpcStoreOptions? options = null)
    {
        var client = new GrpcCasClient(options ?? Options(), TimeProvider.System, new Random(1));
        _open.Add(client);
        return client;
    }

    protected T Opened<T>(T one)
        where T : IAsyncDisposable
    {
        _open.Add(one);
        return one;
    }

    protected void OfferZstd()
    {
        Server.Capabilities.CacheCapabilities.SupportedCompressors.Add(Reapi.Compressor.Types.Value.Zstd);
        Server.Capabilities.CacheCapabilities.SupportedBatchUpdateCompressors.Add(Reapi.Compressor.Types.Value.Zstd);
    }

    /// <summary>Bytes that do not compress, the same for the same seed.</summary>
    protected static byte[] Noise(int length, int seed = 1)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    /// <summary>Bytes that compress well.</summary>
    protected static byte[] Text(int length) =>
        [.. Enumerable.Range(0, length).Select(i => (byte)('a' + (i / 100 % 20)))];

    protected static async Task<byte[]> ReadAllAsync(ICasClient client, Digest digest)
    {
        var bytes = new MemoryStream();
        await client.ReadAsync(digest, data => bytes.Write(data), CancellationToken.None);
        return bytes.ToArray();
    }

    protected string[] Names(string rpc) =>
        [.. Server.Log.Where(call => call.Rpc == rpc).Select(call => call.Request switch
    {
        Google.ByteStream.ReadRequest read => read.ResourceName,
        Google.ByteStream.WriteRequest write => write.ResourceName,
        _ => "",
    })];
}
