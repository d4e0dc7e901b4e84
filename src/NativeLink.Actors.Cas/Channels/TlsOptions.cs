namespace NativeLink.Actors.Cas.Channels;

/// <summary>TLS of a client: files in PEM form (<c>tls_config</c>, protos/README.md 5.3).</summary>
/// <param name="CaFile">Trusted instead of the system's own roots; null: those roots.</param>
/// <param name="CertFile">The client's certificate and its chain; null: none.</param>
/// <param name="KeyFile">The key to it.</param>
/// <param name="UseNativeRoots">Trust the system's roots as well.</param>
public sealed record TlsOptions(string? CaFile, string? CertFile, string? KeyFile, bool UseNativeRoots);
