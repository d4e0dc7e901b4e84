using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using NativeLink.Actors.Testing.Security;

namespace NativeLink.Actors.Testing.Cas;

/// <summary>One call as the server saw it.</summary>
/// <param name="Request">The request, or the first message of a stream.</param>
public sealed record CasCall(string Rpc, object? Request, Metadata Headers);

/// <summary>
/// A CAS, action cache and capabilities server in memory, on a real port of 127.0.0.1, that
/// remembers what it was asked and misbehaves on demand.
/// </summary>
public sealed class FakeCasServer : IAsyncDisposable
{
    private const int ConnectionWindowBytes = 16 << 20;

    private readonly WebApplication _app;
    private readonly ConcurrentDictionary<string, (int Times, int Code)> _resets = new();

    private FakeCasServer(WebApplication app) => _app = app;

    /// <summary>The content. Nothing that is uploaded is verified, unless the digest is SHA-256.</summary>
    public ConcurrentDictionary<Digest, byte[]> Blobs { get; } = new();

    public ConcurrentDictionary<Digest, Reapi.ActionResult> Results { get; } = new();

    /// <summary>Every call in its order.</summary>
    public ConcurrentQueue<CasCall> Log { get; } = new();

    /// <summary>
    /// The messages of each Write stream, in their order,
    /// without their data: offset, length, finish.
    /// </summary>
    public ConcurrentQueue<(string Name, long Offset, int Length, bool Finish)> WriteMessages { get; } = new();

    /// <summary>How often each blob was read, by whichever call.</summary>
    public ConcurrentDictionary<Digest, int> Reads { get; } = new();

    /// <summary>Blobs in the order in which they were stored.</summary>
    public ConcurrentQueue<Digest> Written { get; } = new();

    /// <summary>Uploads that were broken off, by their uuid.</summary>
    public ConcurrentDictionary<string, byte[]> Partial { get; } = new();

    /// <summary>
    /// Awaited before a call is served, by rpc name (<c>ReadMessage</c> and <c>WriteMessage</c>:
    /// before each message of a stream); may throw an RpcException.
    /// </summary>
    public ConcurrentDictionary<string, Func<CasCall, Task>> Before { get; } = new();

    /// <summary>Blobs whose entry of a batch update is refused with INVALID_ARGUMENT.</summary>
    public ConcurrentBag<Digest> Refused { get; } = [];

    /// <summary>A batch with more bytes of blobs is refused as a whole; null: there is no such limit.</summary>
    public long? MostBatchBytes { get; set; }

    /// <summary>What GetCapabilities answers.</summary>
    public Reapi.ServerCapabilities Capabilities { get; } = new()
    {
        CacheCapabilities = new Reapi.CacheCapabilities { MaxBatchTotalSizeBytes = 65536 },
    };

    /// <summary>Whether Write answers at once when the blob is known.</summary>
    public bool AnswersWritesEarly { get; set; }

    /// <summary>Whether batch reads are compressed when the client accepts it.</summary>
    public bool CompressesBatches { get; set; }

    /// <summary>http://127.0.0.1:port, or https.</summary>
    public Uri Address => new(_app.Urls.First());

    /// <summary>How often an rpc was called.</summary>
    public int Calls(string rpc) => Log.Count(call => call.Rpc == rpc);

    public int TotalCalls => Log.Count;

    /// <summary>Starts a server on a free port.</summary>
    /// <param name="certificate">Serves TLS with it.</param>
    /// <param name="clientAuthority">Asks clients for a certificate that this one has signed.</param>
    /// <param name="noDelay">False for a server whose small answers
    /// wait for acknowledgements, as NativeLink's do.</param>
    public static async Task<FakeCasServer> StartAsync(
        X509Certificate2? certificate = null, X509Certificate2? clientAuthority = null, bool noDelay = true)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        FakeCasServer? self = null;
        builder.Services.AddGrpc(options => options.MaxReceiveMessageSize = 4 << 20);
        builder.Services.AddSingleton(_ => self!);
        builder.WebHost.UseSockets(options => options.NoDelay = noDelay);
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(options =>
        {
            // By default one upload that a test holds may take all of it, and no other call gets through.
            options.Limits.Http2.InitialConnectionWindowSize = ConnectionWindowBytes;
            options.Listen(IPAddress.Loopback, 0, listen =>
            {
                listen.Protocols = HttpProtocols.Http2;
                if (certificate is not null)
                    listen.UseHttps(certificate, https => Certificates.RequireClients(https, clientAuthority));
            });
        });
        var app = builder.Build();
        app.MapGrpcService<FakeCasService>();
        app.MapGrpcService<FakeByteStreamService>();
        app.MapGrpcService<FakeActionCacheService>();
        app.MapGrpcService<FakeCapabilitiesService>();
        self = new FakeCasServer(app);
        await app.StartAsync();
        return self;
    }

    /// <summary>Stores bytes under their SHA-256.</summary>
    public Digest Put(byte[] content)
    {
        var digest = Digest.FromHash(SHA256.HashData(content), content.Length, DigestFunction.Sha256);
        Blobs[digest] = content;
        return digest;
    }

    public Digest Put(IMessage message) => Put(message.ToByteArray());

    /// <summary>Makes the next <paramref name="times"/> calls of an rpc fail.</summary>
    public void FailNext(string rpc, int times, StatusCode code = StatusCode.Unavailable) =>
        Before[rpc] = _ => Interlocked.Decrement(ref times) >= 0
            ? throw new RpcException(new Status(code, "as the test wants it"))
            : Task.CompletedTask;

    /// <summary>
    /// Resets the streams of the next <paramref name="times"/> calls of an rpc with an HTTP/2 error
    /// code (RFC 9113, section 7).
    /// </summary>
    public void ResetNext(string rpc, int times, int code) => _resets[rpc] = (times, code);

    public async ValueTask DisposeAsync()
    {
        using var soon = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        await _app.StopAsync(soon.Token);
        await _app.DisposeAsync();
    }

    internal async Task EnterAsync(string rpc, object? request, ServerCallContext context)
    {
        var call = new CasCall(rpc, request, context.RequestHeaders);
        Log.Enqueue(call);
        if (_resets.TryGetValue(rpc, out var reset) && reset.Times > 0)
        {
            _resets[rpc] = (reset.Times - 1, reset.Code);
            context.GetHttpContext().Features.GetRequiredFeature<IHttpResetFeature>().Reset(reset.Code);
        }
        await FaultAsync(rpc, call);
    }

    internal Task FaultAsync(string rpc, CasCall call) =>
        Before.TryGetValue(rpc, out var fault) ? fault(call) : Task.CompletedTask;

    internal byte[]? Find(Digest digest)
    {
        Reads.AddOrUpdate(digest, 1, (_, count) => count + 1);
        return digest.IsEmpty ? [] : Blobs.GetValueOrDefault(digest);
    }

    internal void Store(Digest digest, byte[] content)
    {
        if (digest.Function == DigestFunction.Sha256
            && Digest.FromHash(SHA256.HashData(content), content.Length, DigestFunction.Sha256) != digest)
            throw new RpcException(
                new Status(StatusCode.InvalidArgument, $"{content.Length} bytes are not blob {digest}"));
        Blobs[digest] = content;
        Written.Enqueue(digest);
    }
}
