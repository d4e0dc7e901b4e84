using System.Buffers;
using System.Diagnostics;
using Microsoft.AspNetCore.Connections;

namespace NativeLink.Actors.LocalCluster.Connections;

/// <summary>
/// Looks at the first bytes of a connection to a port that speaks HTTP/2 without TLS; they alone
/// tell the protocols apart. <c>GET /status</c> of plain HTTP/1.1 clients such as curl is answered
/// with <c>Ok</c>, anything else of HTTP/1.1 with 404; who speaks neither, TLS for example, is hung
/// up on at once, and so is who says nothing for a while.
/// </summary>
internal sealed class StatusPage(TimeProvider time)
{
    private const int LongestRequest = 8 << 10;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    private static ReadOnlySpan<byte> Http2Preface => "PRI * HTTP/2.0"u8;

    private static ReadOnlySpan<byte> StatusRequest => "GET /status "u8;

    private static ReadOnlySpan<byte> EndOfRequest => "\r\n\r\n"u8;

    /// <summary>Goes before Kestrel's own handler of a connection.</summary>
    public ConnectionDelegate Wrap(ConnectionDelegate next) => async connection =>
    {
        if (await IsHttp2Async(connection))
            await next(connection);
    };

    /// <summary>
    /// False when the connection is over: it was answered, or is not worth an answer. A peer that
    /// resets it is nobody's error.
    /// </summary>
    private async Task<bool> IsHttp2Async(ConnectionContext connection)
    {
        using var patience = new CancellationTokenSource(Patience, time);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, connection.ConnectionClosed);
        try
        {
            var verdict = await ReadHeadAsync(connection, over.Token);
            if (verdict is Verdict.Status or Verdict.OtherPage)
                await connection.Transport.Output.WriteAsync(Answer(verdict), over.Token);
            return verdict == Verdict.Http2;
        }
        catch (Exception error) when (error is OperationCanceledException or IOException or ConnectionAbortedException)
        {
            return false;
        }
    }

    private static async Task<Verdict> ReadHeadAsync(ConnectionContext connection, CancellationToken over)
    {
        var input = connection.Transport.Input;
        while (true)
        {
            var read = await input.ReadAsync(over);
            var verdict = Judge(read.Buffer);
            switch (verdict)
            {
                case Verdict.Http2:
                    input.AdvanceTo(read.Buffer.Start);
                    return verdict;
                case Verdict.Incomplete when !read.IsCompleted:
                    input.AdvanceTo(read.Buffer.Start, read.Buffer.End);
                    break;
                default:
                    input.AdvanceTo(read.Buffer.End);
                    return verdict;
            }
        }
    }

    private static Verdict Judge(in ReadOnlySequence<byte> buffer)
    {
        Span<byte> head = stackalloc byte[Http2Preface.Length];
        var length = (int)Math.Min(buffer.Length, head.Length);
        buffer.Slice(0, length).CopyTo(head);
        if (Http2Preface.StartsWith(head[..length]))
            return length == head.Length ? Verdict.Http2 : Verdict.Incomplete;
        // Every method of HTTP/1 is of capital letters.
        if (head[0] is < (byte)'A' or > (byte)'Z')
            return Verdict.Stranger;
        if (buffer.Length < LongestRequest
            && new SequenceReader<byte>(buffer).TryReadTo(out ReadOnlySequence<byte> _, EndOfRequest) is false)
            return Verdict.Incomplete;
        return head.StartsWith(StatusRequest) ? Verdict.Status : Verdict.OtherPage;
    }

    private static byte[] Answer(Verdict verdict) => verdict switch
    {
        Verdict.Status => [
            .. "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"u8,
            .. "Content-Length: 2\r\nConnection: close\r\n\r\nOk"u8,
        ],
        Verdict.OtherPage => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"u8.ToArray(),
        _ => throw new UnreachableException(),
    };

    private enum Verdict
    {
        /// <summary>More has to come. At the end of the stream: nothing did.</summary>
        Incomplete,
        Http2,
        Status,
        OtherPage,
        Stranger,
    }
}
