using System.Runtime.CompilerServices;

namespace NativeLink.Actors.Cas.Channels;

/// <summary>
/// What TLS has decrypted, and whether anything ever came. With TLS 1.3 a client has finished its
/// handshake before the server has looked at its certificate: the refusal may meet any read or
/// write that follows, as an alert, an end or a broken pipe. All of them are one thing until the
/// first byte.
/// </summary>
internal sealed class FirstAnswerStream(Stream decrypted) : ConnectionStream(decrypted)
{
    private volatile bool _answered;

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_answered)
            return await Inner.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
        int read;
        try
        {
            read = await Inner.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
        }
        catch (IOException error)
        {
            throw new HandshakeEndedException(error);
        }
        // A read into nothing only waits for data.
        if (read == 0 && buffer.Length > 0)
            throw new HandshakeEndedException(null);
        _answered = read > 0;
        return read;
    }

    public override int Read(Span<byte> buffer) => throw new NotSupportedException("HTTP/2 reads asynchronously");

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
        _answered ? base.WriteAsync(buffer, cancellationToken) : WriteUnansweredAsync(buffer, cancellationToken);

    private async ValueTask WriteUnansweredAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellation)
    {
        try
        {
            await base.WriteAsync(buffer, cancellation).ConfigureAwait(false);
        }
        catch (IOException error) when (!_answered)
        {
            throw new HandshakeEndedException(error);
        }
    }
}

/// <summary>The other side ended a TLS connection before it had sent anything.</summary>
internal sealed class HandshakeEndedException(
    Exception? inner) : IOException("the server ended the connection before it had answered", inner);
