using System.Security.Cryptography.X509Certificates;
using NativeLink.Actors.Cli.Tests.Rig;
using NativeLink.Actors.Testing.Cas;
using NativeLink.Actors.Testing.Security;

namespace NativeLink.Actors.Cli.Tests.Client;

/// <summary>
/// How <c>exec</c>, the real program, connects to an
/// executor: TLS, certificates, headers, digest function.
/// </summary>
public sealed class ExecConnectionTests(Pool pool) : IClassFixture<Pool>, IDisposable
{
    // The fake one stores blobs and does not execute: who is told so has been let in.
    private const string LetIn = "stores blobs but executes nothing";

    private readonly TempDirectory _directory = new();
    private readonly X509Certificate2 _authority = Certificates.Authority("CN=test authority");

    public void Dispose()
    {
        _authority.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public async Task A_server_is_trusted_when_its_authority_is_given_and_its_headers_arrive()
    {
        using var own = Certificates.Signed("CN=server", _authority);
        await using var server = await FakeCasServer.StartAsync(own);
        var (code, _, stderr) = await ExecAsync(server, "--ca-file", Pem("ca.pem", _authority), "--header",
            "X-Api-Key=secret", "--header", "other=1");
        Assert.Equal(125, code);
        Assert.Contains(LetIn, stderr, StringComparison.Ordinal);
        Assert.All(server.Log, call => Assert.Equal("secret", call.Headers.GetValue("x-api-key")));
        Assert.NotEmpty(server.Log);
        var (_, _, refused) = await ExecAsync(server);
        Assert.DoesNotContain(LetIn, refused, StringComparison.Ordinal);
        Assert.Contains("no executor can be reached", refused, StringComparison.Ordinal);
        Assert.Contains("--ca-file names an authority to trust", refused, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", stderr + refused, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_wants_a_client_certificate_gets_the_one_that_is_given()
    {
        using var own = Certificates.Signed("CN=server", _authority);
        using var client = Certificates.Signed("CN=client", _authority);
        await using var server = await FakeCasServer.StartAsync(own, _authority);
        var ca = Pem("ca.pem", _authority);
        var without = (await ExecAsync(server, "--ca-file", ca)).Error;
        Assert.Contains("it may want a client certificate (--cert-file and --key-file)", without,
            StringComparison.Ordinal);
        Assert.DoesNotContain("disposed", without, StringComparison.Ordinal);
        var key = _directory.Write("client.key", client.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        var (_, _, stderr) = await ExecAsync(server, "--ca-file", ca, "--cert-file", Pem("client.pem", client),
            "--key-file", key);
        Assert.Contains(LetIn, stderr, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("sha256")]
    [InlineData("blake3")]
    public async Task Every_digest_function_goes_the_whole_way(string function)
    {
        _directory.Write("in/f", "content");
        var (code, stdout, stderr) = await Rig.Program.RunAsync(
            "exec", "--executor", pool.Address.Authority, "--digest-function", function, "--input", _directory.At(
                "in"), "--output", "d", "--into", _directory.At("out"),
            "--env", "PATH=/usr/bin:/bin", "--", "sh", "-c",
            "mkdir d && cp f d/g && head -c 3000000 /dev/zero >d/large && cat f");
        Assert.Equal((0, "content"), (code, stdout));
        Assert.Equal("content", await File.ReadAllTextAsync(_directory.At("out/d/g")));
        Assert.Equal(3_000_000, new FileInfo(_directory.At("out/d/large")).Length);
        Assert.DoesNotContain("   at ", stderr, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--ca-file", "/nowhere/ca.pem", "without --executor grpcs://")]
    [InlineData("--cert-file", "/nowhere/c.pem", "without --executor grpcs://")]
    [InlineData("--digest-function", "md5", "sha256 and blake3 are served")]
    [InlineData("--header", "no-equals-sign", "write NAME=VALUE")]
    [InlineData("--header", "grpc-timeout=1S", "no name of a header")]
    [InlineData("--header", "x-bin=1", "no name of a header")]
    [InlineData("--header", "a b=1", "no name of a header")]
    [InlineData("--header", "user-agent=me", "no name of a header")]
    [InlineData("--header", "a=\u00fc", "not printable ASCII")]
    public async Task What_cannot_be_meant_is_refused_in_a_sentence(string option, string value, string says)
    {
        var (code, _, stderr) = await Rig.Program.RunAsync(
            "exec", "--executor", pool.Address.Authority, option, value, "--", "true");
        Assert.NotEqual(0, code);
        Assert.Contains(says, stderr, StringComparison.Ordinal);
        Assert.Contains(option, stderr, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", stderr, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_executor_that_says_nothing_of_a_CAS_is_told_in_a_sentence()
    {
        await using var server = await FakeCasServer.StartAsync();
        server.Capabilities.CacheCapabilities = null;
        server.Capabilities.ExecutionCapabilities = new Reapi.ExecutionCapabilities { ExecEnabled = true };
        var (code, _, stderr) = await Rig.Program.RunAsync(
            "exec", "--executor", server.Address.Authority, "--", "true");
        Assert.Equal(125, code);
        Assert.Contains("says nothing of a CAS", stderr, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", stderr, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(NativeLink.Actors.Protocol.DigestFunction.Sha256, false)]
    [InlineData(NativeLink.Actors.Protocol.DigestFunction.Blake3, true)]
    public async Task The_digest_function_stands_in_resource_names_where_REAPI_wants_it_alone(
        NativeLink.Actors.Protocol.DigestFunction function, bool named)
    {
        await using var server = await FakeCasServer.StartAsync();
        await using var client = new NativeLink.Actors.Cli.Client.ReapiClient(
            NativeLink.Actors.Cli.Client.RemoteExecutorOptions.Of(server.Address) with
            {
                DigestFunction = function,
            }, TimeProvider.System);
        var file = _directory.Write("large", new string('x', 2_000_000));
        var digest = NativeLink.Actors.Protocol.Hashing.BlobHasher.Compute(
            await File.ReadAllBytesAsync(file), function);
        await client.UploadAsync(
            new Dictionary<NativeLink.Actors.Protocol.Digest, NativeLink.Actors.Cli.Client.UploadBlob>
            {
                [digest] = new(null, file),
            }, default);
        using var bytes = new MemoryStream();
        await client.DownloadAsync(digest, bytes, default);
        Assert.Equal(2_000_000, bytes.Length);
        var names = server.WriteMessages.Select(message => message.Name).Where(name => name.Length > 0).ToList();
        Assert.NotEmpty(names);
        Assert.All(
            names, name => Assert.Equal(
                named, name.Contains($"/{function.ToString().ToLowerInvariant()}/", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_server_that_wants_TLS_and_one_that_does_not_are_told_apart()
    {
        using var own = Certificates.Signed("CN=server", _authority);
        await using var secure = await FakeCasServer.StartAsync(own);
        await using var plain = await FakeCasServer.StartAsync();
        var (_, _, wantsTls) = await Rig.Program.RunAsync(
            "exec", "--executor", $"grpc://{secure.Address.Authority}", "--", "true");
        Assert.Contains("it may want TLS", wantsTls, StringComparison.Ordinal);
        var (_, _, noTls) = await Rig.Program.RunAsync(
            "exec", "--executor", $"grpcs://{plain.Address.Authority}", "--", "true");
        Assert.Contains("no executor can be reached", noTls, StringComparison.Ordinal);
        Assert.All([wantsTls, noTls], text => Assert.DoesNotContain("   at ", text, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_certificate_file_that_is_not_there_is_named()
    {
        var (code, _, stderr) = await Rig.Program.RunAsync(
            "exec", "--executor", "grpcs://127.0.0.1:1", "--ca-file", "/nowhere/ca.pem", "--", "true");
        Assert.Equal(125, code);
        Assert.Contains("ca_file '/nowhere/ca.pem' cannot be used", stderr, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", stderr, StringComparison.Ordinal);
    }

    private static Task<(int Code, string Out, string Error)> ExecAsync(
        FakeCasServer server, params string[] switches) =>
        Rig.Program.RunAsync(["exec", "--executor", $"grpcs://{server.Address.Authority}", .. switches, "--", "true"]);

    private string Pem(string name, X509Certificate2 certificate) =>
        _directory.Write(name, certificate.ExportCertificatePem());
}
