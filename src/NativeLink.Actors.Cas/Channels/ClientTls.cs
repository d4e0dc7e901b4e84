using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using OpenFlags = System.Security.Cryptography.X509Certificates.OpenFlags;

namespace NativeLink.Actors.Cas.Channels;

/// <summary>TLS and mTLS of a client from PEM files (<c>tls_config</c>, protos/README.md 5.3).</summary>
internal static class ClientTls
{
    /// <summary>What the handshake needs; without options the system's own roots are trusted.</summary>
    /// <exception cref="FaultException">Worker: a file cannot be read or is not PEM; says which.</exception>
    public static SslClientAuthenticationOptions Create(TlsOptions? tls)
    {
        var options = new SslClientAuthenticationOptions { ApplicationProtocols = [SslApplicationProtocol.Http2] };
        if (tls?.CaFile is { } ca)
            options.CertificateChainPolicy = TrustOnly(ca, tls.UseNativeRoots);
        if (tls?.CertFile is { } cert)
            options.ClientCertificateContext = ClientCertificate(cert, tls.KeyFile);
        return options;
    }

    private static X509ChainPolicy TrustOnly(string caFile, bool nativeToo)
    {
        // A private authority rarely publishes revocation lists, and a worker without a way to them must still start.
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
        };
        Read(caFile, "ca_file", path => policy.CustomTrustStore.ImportFromPemFile(path));
        if (policy.CustomTrustStore.Count == 0)
            throw new FaultException(FaultKind.Worker, $"ca_file '{caFile}' holds no certificate in PEM form");
        if (nativeToo)
        {
            using var system = new X509Store(StoreName.Root, StoreLocation.LocalMachine, OpenFlags.ReadOnly);
            policy.CustomTrustStore.AddRange(system.Certificates);
        }
        return policy;
    }

    private static SslStreamCertificateContext ClientCertificate(string certFile, string? keyFile)
    {
        if (keyFile is null)
            throw new FaultException(FaultKind.Worker, $"cert_file '{certFile}' needs a key_file beside it");
        X509Certificate2? own = null;
        var chain = new X509Certificate2Collection();
        Read(certFile, "cert_file", chain.ImportFromPemFile);
        Read(keyFile, "key_file", _ => own = X509Certificate2.CreateFromPemFile(certFile, keyFile));
        return SslStreamCertificateContext.Create(own!, chain, offline: true);
    }

    private static void Read(string path, string key, Action<string> read)
    {
        try
        {
            read(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new FaultException(FaultKind.Worker, $"{key} '{path}' cannot be used: {error.Message}", error);
        }
    }
}
