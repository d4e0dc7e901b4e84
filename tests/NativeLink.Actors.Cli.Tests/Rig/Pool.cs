using System.Net;
using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;
using NativeLink.Actors.Cas.Channels;
using NativeLink.Actors.Cli.Client;
using NativeLink.Actors.Cli.Composition;
using NativeLink.Actors.Cli.Hosting;
using NativeLink.Actors.Protocol;
using NativeLink.Actors.Protocol.Hashing;
using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Worker;

namespace NativeLink.Actors.Cli.Tests.Rig;

/// <summary>
/// The local cluster and a worker in the process of the test, as <c>local</c> runs them, but with a
/// store of the worker's own behind gRPC, so that inputs go the whole way.
/// </summary>
public sealed class Pool : IAsyncLifetime, IDisposable
{
    private readonly TempDirectory _directory = new();
    private LocalNode _node = null!;

    internal ReapiClient Client { get; private set; } = null!;

    internal Uri Address { get; private set; } = null!;

    /// <summary>Where the cluster keeps a blob on disk.</summary>
    internal string CasFile(Digest digest) => _directory.At($"data/cas/d/{digest.Hash}-{digest.SizeBytes}");

    public async Task InitializeAsync()
    {
        var data = _directory.At("data");
        var anyPort = new IPEndPoint(IPAddress.Loopback, 0);
        var cluster = LocalDefaults.Cluster(data, anyPort, anyPort);
        _node = await LocalNode.StartAsync(cluster, host =>
        {
            var shared = LocalDefaults.Workers(host, cluster, data, new WorkerSwitches { Count = 1, MaxInflight = 4 });
            var cas = new GrpcStoreOptions
            {
                Endpoints = [new GrpcEndpointOptions(new Uri($"http://{LocalNode.Dialable(host.ClientAddress)}"))],
            };
            return
            [
                shared with
                {
                    Cas = new CasOptions { Grpc = cas },
                    SharedStore = null,
                    LocalStore = new ContentStoreOptions(_directory.At("worker/cas"), _directory.At("worker/temp")),
                    Workers = [shared.Workers[0] with
                    {
                        WorkDirectory = _directory.At("worker-work/1"),
                        Actions = shared.Workers[0].Actions with { MaxActionTimeout = TimeSpan.FromMinutes(10) },
                    }],
                },
            ];
        }, null, NullLoggerFactory.Instance, TimeProvider.System);
        Address = new Uri($"http://{LocalNode.Dialable(_node.Cluster.ClientAddress)}");
        Client = new ReapiClient(RemoteExecutorOptions.Of(Address), TimeProvider.System);
    }

    public async Task DisposeAsync()
    {
        await Client.DisposeAsync();
        await _node.DisposeAsync();
    }

    public void Dispose() => _directory.Dispose();

    /// <summary>
    /// Uploads what is given and executes; how many answers came is checked by the client's
    /// protocol: the stream ends with the first.
    /// </summary>
    internal async Task<Reapi.ExecuteResponse> ExecuteAsync(Blobs blobs, Reapi.Action action, Reapi.Command command)
    {
        action.CommandDigest ??= blobs.Add(command);
        action.InputRootDigest ??= blobs.Add(new Reapi.Directory());
        action.Salt = ByteString.CopyFrom(Guid.NewGuid().ToByteArray());
        var digest = Digest.FromWire(blobs.Add(action), DigestFunction.Sha256, "the action");
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await Client.UploadAsync(blobs.All, limit.Token);
        return await Client.ExecuteAsync(digest, skipCache: true, _ => { }, limit.Token);
    }

    /// <summary>The worker is there and runs a good action: nothing before has broken it.</summary>
    internal async Task StillWorksAsync()
    {
        var response = await ExecuteAsync(new Blobs(), new Reapi.Action(), new Reapi.Command
        {
            Arguments = { "/bin/sh", "-c", "exit 7" },
        });
        Assert.Equal(7, response.Result.ExitCode);
        Assert.Equal(0, response.Status?.Code ?? 0);
    }
}

/// <summary>Blobs of one action.</summary>
internal sealed class Blobs
{
    private readonly Dictionary<Digest, UploadBlob> _all = [];

    public IReadOnlyDictionary<Digest, UploadBlob> All => _all;

    public Reapi.Digest Add(IMessage message) => Add(message.ToByteString());

    public Reapi.Digest Add(string text) => Add(ByteString.CopyFromUtf8(text));

    public Reapi.Digest Add(ByteString data)
    {
        var digest = BlobHasher.Compute(data.Span, DigestFunction.Sha256);
        _all[digest] = new UploadBlob(data, null);
        return digest.ToWire();
    }
}
