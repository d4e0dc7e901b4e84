using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Connections;

namespace NativeLink.Actors.LocalCluster.Connections;

/// <summary>
/// Watches for a client that sends GOAWAY although calls of its connection go on. An older Bazel's
/// server does that, and nothing else, when its build is interrupted: it neither cancels the call
/// nor closes the connection. Others do it when they move to another connection and still want the
/// answer; so whoever has a call that may last ends it after a while with UNAVAILABLE, and who
/// wants the answer asks again.
/// </summary>
internal sealed class GoAwayWatch : IDisposable
{
    /// <summary>What ends within this time after the GOAWAY is still answered.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly CancellationTokenSource _over;
    private bool _received;

    private GoAwayWatch(TimeProvider time)
    {
        _over = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        Over = _over.Token;
    }

    /// <summary>Cancelled some time after the GOAWAY.</summary>
    public CancellationToken Over { get; }

    /// <summary>
    /// Goes before Kestrel's own handler of a connection, and
    /// after the one that has told HTTP/2 from other protocols.
    /// </summary>
    public static Func<ConnectionDelegate, ConnectionDelegate> Watch(TimeProvider time) => next => async connection =>
    {
        using var goAway = new GoAwayWatch(time);
        var transport = connection.Transport;
        connection.Features.Set(goAway);
        connection.Transport = new Duplex(new Reader(transport.Input, goAway), transport.Output);
        try
        {
            await next(connection);
        }
        finally
        {
            connection.Transport = transport;
        }
    };

    public void Dispose() => _over.Dispose();

    private void OnGoAway()
    {
        if (_received)
            return;
        _received = true;
        _over.CancelAfter(Patience);
    }

    private sealed record Duplex(PipeReader Input, PipeWriter Output) : IDuplexPipe;

    /// <summary>Hands everything through and looks at the frames' heads.</summary>
    private sealed class Reader(PipeReader inner, GoAwayWatch goAway) : PipeReader
    {
        private readonly FrameHeads _heads = new();
        private ReadOnlySequence<byte> _buffer;
        private long _inspected;

        public override bool TryRead(out ReadResult result)
        {
            if (!inner.TryRead(out result))
                return false;
            Inspect(result);
            return true;
        }

        public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
        {
            var reading = inner.ReadAsync(cancellationToken);
            if (!reading.IsCompletedSuccessfully)
                return WaitAsync(reading);
            var result = reading.Result;
            Inspect(result);
            return ValueTask.FromResult(result);
        }

        public override void AdvanceTo(SequencePosition consumed)
        {
            _inspected -= _buffer.Slice(0, consumed).Length;
            inner.AdvanceTo(consumed);
        }

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
        {
            _inspected -= _buffer.Slice(0, consumed).Length;
            inner.AdvanceTo(consumed, examined);
        }

        public override void CancelPendingRead() => inner.CancelPendingRead();

        public override void Complete(Exception? exception = null) => inner.Complete(exception);

        [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
        private async ValueTask<ReadResult> WaitAsync(ValueTask<ReadResult> reading)
        {
            var result = await reading;
            Inspect(result);
            return result;
        }

        private void Inspect(in ReadResult result)
        {
            _buffer = result.Buffer;
            if (_buffer.Length > _inspected && _heads.FindGoAway(_buffer.Slice(_inspected)))
                goAway.OnGoAway();
            _inspected = Math.Max(_inspected, _buffer.Length);
        }
    }
}
