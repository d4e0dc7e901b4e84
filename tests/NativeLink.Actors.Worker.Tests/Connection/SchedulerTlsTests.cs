using System.Security.Cryptography.X509Certificates;
using NativeLink.Actors.Cas.Channels;
using NativeLink.Actors.Testing.Scheduling;
using NativeLink.Actors.Testing.Security;
using NativeLink.Actors.Worker.Connection.WorkerApi;
using static NativeLink.Actors.Worker.Connection.LinkProtocol;

namespace NativeLink.Actors.Worker.Tests.Connection;

/// <summary>The worker API over TLS, with certificates made here.</summary>
public sealed class SchedulerTlsTests : IDisposable
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(60);

    private readonly TempDirectory _directory = new();
    private readonly X509Certificate2 _authority = Certificates.Authority("CN=test authority");
    private readonly X509Certificate2 _server;

    public SchedulerTlsTests() => _server = Certificates.Signed("CN=scheduler", _authority);

    public void Dispose()
    {
        _server.Dispose();
        _authority.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public async Task A_scheduler_whose_authority_is_in_the_ca_file_greets_the_worker()
    {
        await using var scheduler = await ScriptedScheduler.StartAsync(_server);
        Assert.Null(await RefusalAsync(
            scheduler, new TlsOptions(Pem("ca.pem", _authority), null, null, UseNativeRoots: false)));
    }

    [Fact]
    public async Task A_scheduler_of_another_authority_is_not_talked_to()
    {
        using var other = Certificates.Authority("CN=another authority");
        await using var scheduler = await ScriptedScheduler.StartAsync(_server);
        Assert.NotNull(
            await RefusalAsync(scheduler, new TlsOptions(Pem("ca.pem", other), null, null, UseNativeRoots: false)));
        Assert.NotNull(await RefusalAsync(scheduler, new TlsOptions(null, null, null, UseNativeRoots: true)));
        Assert.Equal(0, scheduler.Connections);
    }

    [Fact]
    public async Task A_scheduler_that_asks_for_a_certificate_gets_the_workers_and_takes_nobody_without_one()
    {
        using var own = Certificates.Signed("CN=worker", _authority);
        using var stranger = Certificates.Signed("CN=worker", Certificates.Authority("CN=another authority"));
        await using var scheduler = await ScriptedScheduler.StartAsync(_server, _authority);
        var ca = Pem("ca.pem", _authority);
        Assert.NotNull(await RefusalAsync(scheduler, new TlsOptions(ca, null, null, UseNativeRoots: false)));
        Assert.NotNull(await RefusalAsync(scheduler, new TlsOptions(
            ca, Pem("stranger.pem", stranger), Key("stranger.key", stranger), UseNativeRoots: false)));
        Assert.Equal(0, scheduler.Connections);
        Assert.Null(await RefusalAsync(
            scheduler, new TlsOptions(ca, Pem("own.pem", own), Key("own.key", own), UseNativeRoots: false)));
    }

    /// <summary>Null when the scheduler greeted; else why not.</summary>
    private static async Task<Fault?> RefusalAsync(ScriptedScheduler scheduler, TlsOptions tls)
    {
        var heard = new TaskCompletionSource<Fault?>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var link = new GrpcSchedulerLink(new GrpcEndpointOptions(scheduler.Address)
        {
            Tls = tls,
        }, GrpcChannels.Open);
        try
        {
            await using var session = await link.ConnectAsync(
                new Registration("", 0, []),
                update => heard.TrySetResult(update is not RegistrationAccepted
                    ? new Fault(FaultKind.Worker, $"{update}")
                    : null),
                fault => heard.TrySetResult(fault ?? new Fault(FaultKind.Worker, "the stream ended")),
                CancellationToken.None).WaitAsync(Bound);
            return await heard.Task.WaitAsync(Bound);
        }
        catch (FaultException error)
        {
            return error.Fault;
        }
    }

    private string Pem(string name, X509Certificate2 certificate) => Write(name, certificate.ExportCertificatePem());

    private string Key(string name, X509Certificate2 certificate) =>
        Write(name, certificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());

    private string Write(string name, string text)
    {
        var path = _directory.At(name);
        File.WriteAllText(path, text);
        return path;
    }
}
