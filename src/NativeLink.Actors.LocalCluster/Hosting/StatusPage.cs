using System.Buffers;
using Microsoft.AspNetCore.Connections;

namespace NativeLink.Actors.LocalCluster.Hosting;

/// <summary>
/// Answers <c>GET /status</c> of plain HTTP/1.1 clients such as curl with <c>Ok</c>, on the port that else speaks HTTP/2 without TLS: there the
/// first bytes alone tell the protocols apart.
/// </summary>
internal static class StatusPage
{
    private const int LongestRequest = 8 << 10;

    private static ReadOnlySpan<byte> Http2Preface => "PRI * HTTP/2.0"u8;

    private static ReadOnlySpan<byte> StatusRequest => "GET /status "u8;

    private static ReadOnlySpan<byte> EndOfRequest => "\r\n\r\n"u8;

    /// <summary>Goes before Kestrel's own handler of a connection.</summary>
    public static ConnectionDelegate Wrap(ConnectionDelegate next) => connection => AnswerAsync(connection, next);

    private static async Task AnswerAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        while (true)
        {
            var read = await connection.Transport.Input.ReadAsync(connection.ConnectionClosed);
            var verdict = Judge(read.Buffer);
            if (verdict == Verdict.Http2 || read.IsCompleted)
            {
                connection.Transport.Input.AdvanceTo(read.Buffer.Start);
                await next(connection);
                return;
            }
            if (verdict == Verdict.Incomplete)
            {
                connection.Transport.Input.AdvanceTo(read.Buffer.Start, read.Buffer.End);
                continue;
            }
            connection.Transport.Input.AdvanceTo(read.Buffer.End);
            await connection.Transport.Output.WriteAsync(Answer(verdict), connection.ConnectionClosed);
            return;
        }
    }

    private static Verdict Judge(in ReadOnlySequence<byte> buffer)
    {
        Span<byte> head = stackalloc byte[Http2Preface.Length];
        var length = (int)Math.Min(buffer.Length, head.Length);
        buffer.Slice(0, length).CopyTo(head);
        if (Http2Preface.StartsWith(head[..length]))
            return length == head.Length ? Verdict.Http2 : Verdict.Incomplete;
        if (buffer.Length < LongestRequest && new SequenceReader<byte>(buffer).TryReadTo(out ReadOnlySequence<byte> _, EndOfRequest) is false)
            return Verdict.Incomplete;
        return head.StartsWith(StatusRequest) ? Verdict.Status : Verdict.OtherPage;
    }

    private static byte[] Answer(Verdict verdict) => verdict == Verdict.Status
        ? "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\nConnection: close\r\n\r\nOk"u8.ToArray()
        : "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"u8.ToArray();

    private enum Verdict
    {
        Incomplete,
        Http2,
        Status,
        OtherPage,
    }
}
