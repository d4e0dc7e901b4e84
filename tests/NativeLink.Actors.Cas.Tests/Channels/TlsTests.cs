using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using NativeLink.Actors.Cas.Channels;
using NativeLink.Actors.Protocol.Hashing;
using NativeLink.Actors.Testing.Cas;
using NativeLink.Actors.Testing.Security;

namespace NativeLink.Actors.Cas.Tests.Channels;

public sealed class TlsTests : IDisposable
{
    private readonly TempDirectory _directory = new();
    private readonly X509Certificate2 _authority = Certificates.Authority("CN=test authority");
    private readonly Digest _digest = BlobHasher.Compute("x"u8, DigestFunction.Sha256);

    public void Dispose()
    {
        _authority.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public async Task A_server_whose_authority_is_in_the_ca_file_is_trusted()
    {
        using var certificate = Certificates.Signed("CN=server", _authority);
        await using var server = await FakeCasServer.StartAsync(certificate);
        await using var client = Client(
            server, new TlsOptions(Pem("ca.pem", _authority), null, null, UseNativeRoots: false));
        Assert.Equal([_digest], (await client.FindMissingAsync([_digest], CancellationToken.None)).ToArray());
        await using var both = Client(
            server, new TlsOptions(Pem("ca.pem", _authority), null, null, UseNativeRoots: true));
        Assert.Equal([_digest], (await both.FindMissingAsync([_digest], CancellationToken.None)).ToArray());
    }

    [Fact]
    public async Task A_server_of_another_authority_is_not_trusted()
    {
        using var other = Certificates.Authority("CN=another authority");
        using var certificate = Certificates.Signed("CN=server", other);
        await using var server = await FakeCasServer.StartAsync(certificate);
        await using var client = Client(
            server, new TlsOptions(Pem("ca.pem", _authority), null, null, UseNativeRoots: false));
        var error = await Assert.ThrowsAsync<FaultException>(
            () => client.FindMissingAsync([_digest], CancellationToken.None));
        Assert.Equal(FaultKind.Storage, error.Fault.Kind);
        Assert.DoesNotContain("client certificate", error.Fault.Detail, StringComparison.Ordinal);
        await using var native = Client(server, new TlsOptions(null, null, null, UseNativeRoots: true));
        await Assert.ThrowsAsync<FaultException>(() => native.FindMissingAsync([_digest], CancellationToken.None));
    }

    [Fact]
    public async Task A_server_that_asks_for_a_certificate_gets_the_one_of_the_configuration()
    {
        using var certificate = Certificates.Signed("CN=server", _authority);
        using var own = Certificates.Signed("CN=worker", _authority);
        await using var server = await FakeCasServer.StartAsync(certificate, clientAuthority: _authority);
        var key = _directory.At("key.pem");
        await File.WriteAllTextAsync(key, own.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        await using var client = Client(
            server, new TlsOptions(Pem("ca.pem", _authority), Pem("cert.pem", own), key, UseNativeRoots: false));
        Assert.Equal([_digest], (await client.FindMissingAsync([_digest], CancellationToken.None)).ToArray());
        await using var without = Client(
            server, new TlsOptions(Pem("ca.pem", _authority), null, null, UseNativeRoots: false));
        var error = await Assert.ThrowsAsync<FaultException>(
            () => without.FindMissingAsync([_digest], CancellationToken.None));
        // With TLS 1.3 the refusal comes after the handshake: it meets the call before or after its headers have left.
        Assert.Contains(error.Fault.Code, (StatusCode?[])[StatusCode.Unavailable, StatusCode.Internal]);
        Assert.True(error.Fault.Detail.Contains("the server ended the TLS handshake; it may want a client certificate",
            StringComparison.Ordinal), error.ToString() + error.InnerException);
    }

    [Theory]
    [InlineData(false, 0)]
    [InlineData(true, 0)]
    [InlineData(false, 24)]
    [InlineData(true, 24)]
    public async Task A_server_that_ends_a_finished_handshake_is_said_to_have_ended_it(bool reset, int readBefore)
    {
        // What a server does that wants a certificate in TLS 1.3, as the client may see it: an end
        // or a reset, before or after the client has written.
        using var certificate = Certificates.Signed("CN=server", _authority);
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var stop = new CancellationTokenSource();
        var serving = ServeAsync();
        var options = new GrpcStoreOptions
        {
            Endpoints = [new GrpcEndpointOptions(
                new Uri($"https://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}"))
                {
                    Tls = new TlsOptions(Pem("ca.pem", _authority), null, null, false),
                }],
            Retry = new RetryOptions { MaxRetries = 0 },
        };
        await using (var client = new GrpcCasClient(options, TimeProvider.System, new Random(1)))
        {
            for (var round = 0; round < 10; round++)
            {
                var error = await Assert.ThrowsAsync<FaultException>(
                    () => client.FindMissingAsync([_digest], CancellationToken.None));
                Assert.True(
                    error.Fault.Detail.Contains("the server ended the TLS handshake; it may want a client certificate",
                        StringComparison.Ordinal), $"round {round}: {error}");
            }
        }
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => serving);

        async Task ServeAsync()
        {
            while (true)
            {
                using var socket = await listener.AcceptSocketAsync(stop.Token);
                await using var secure = new SslStream(new NetworkStream(socket));
                await secure.AuthenticateAsServerAsync(new SslServerAuthenticationOptions
                {
                    ServerCertificate = certificate,
                    ApplicationProtocols = [SslApplicationProtocol.Http2],
                }, stop.Token);
                if (readBefore > 0)
                    await secure.ReadExactlyAsync(new byte[readBefore], stop.Token);
                if (reset)
                    socket.LingerState = new LingerOption(true, 0);
                socket.Close();
            }
        }
    }

    [Theory]
    [InlineData("there is none", "missing.pem")]
    [InlineData("it is no certificate", "junk.pem")]
    public void A_file_that_cannot_be_used_is_named(string why, string file)
    {
        var path = _directory.At(file);
        if (file.StartsWith("junk", StringComparison.Ordinal))
            File.WriteAllText(path, why);
        var endpoint = new GrpcEndpointOptions(new Uri("https://127.0.0.1:1"))
        {
            Tls = new TlsOptions(path, null, null, false),
        };
        var error = Assert.Throws<FaultException>(() => GrpcChannels.Open(endpoint));
        Assert.Contains(path, error.Fault.Detail, StringComparison.Ordinal);
    }

    private static GrpcCasClient Client(FakeCasServer server, TlsOptions tls) => new(
        new GrpcStoreOptions
        {
            Endpoints = [new GrpcEndpointOptions(server.Address) { Tls = tls }],
        }, TimeProvider.System, new Random(1));

    private string Pem(string name, X509Certificate2 certificate)
    {
        var path = _directory.At(name);
        File.WriteAllText(path, certificate.ExportCertificatePem());
        return path;
    }
}
