using System.Collections.Immutable;
using System.Net.Sockets;
using System.Security.Authentication;
using Grpc.Core;

namespace NativeLink.Actors.Cas.Channels;

/// <summary>Why a connection did not come about, where the runtime's own words hide it.</summary>
internal static class ConnectProblem
{
    /// <summary>
    /// A call's status detail, or the sentence that says
    /// that the other side ended the TLS handshake.
    /// </summary>
    /// <param name="certificateOptions">Where the reader sets the client certificate.</param>
    public static string Explain(
        RpcException error, ImmutableArray<GrpcEndpointOptions> endpoints,
        string certificateOptions = "cert_file and key_file of tls_config")
    {
        if (!HandshakeEnded(error.Status.DebugException))
            return error.Status.Detail;
        if (endpoints.FirstOrDefault(
            static endpoint => endpoint.Address.Scheme == Uri.UriSchemeHttps) is not { } secure)
            return "the server did not answer in HTTP/2; it may want TLS (a grpcs:// address), " +
                "or have no room for a further connection";
        var why = secure.Tls?.CertFile is { } own
            ? $"it may not accept the client certificate '{own}'"
            : $"it may want a client certificate ({certificateOptions})";
        // The socket's own words, where there are some: anything else is about the runtime's insides.
        var how = error.Status.DebugException?.GetBaseException() is SocketException { Message: var words }
            ? $": {words}"
            : "";
        return $"the server ended the TLS handshake; {why}{how}";
    }

    private static bool HandshakeEnded(Exception? error)
    {
        for (; error is not null; error = error.InnerException)
        {
            // The runtime's words where the other side does not speak HTTP/2.
            if (error.Message.Contains("HTTP/2 handshake", StringComparison.Ordinal))
                return true;
            switch (error)
            {
                case AuthenticationException { Message: var message }
                    when message.Contains("remote certificate", StringComparison.Ordinal):
                    // It is this side that does not trust the other: the text says why.
                    return false;
                case HttpRequestException
                {
                    HttpRequestError: HttpRequestError.SecureConnectionError,
                    InnerException: not AuthenticationException
                }:
                case AuthenticationException:
                case HandshakeEndedException:
                    return true;
            }
        }
        return false;
    }
}
