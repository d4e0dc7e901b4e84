using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Connections;

namespace NativeLink.Actors.LocalCluster.Hosting;

/// <summary>
/// Hears a client that says goodbye (GOAWAY) although calls of its connection go on. An older Bazel's server does that, and nothing else, when
/// its build is interrupted: it neither cancels the call nor closes the connection. Others do it when they move to another connection and still
/// want the answer; so whoever has a call that may last ends it after a while with UNAVAILABLE, and who wants the answer asks again.
/// </summary>
internal sealed class Goodbye : IDisposable
{
    /// <summary>What ends within this time after the goodbye is still answered.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly CancellationTokenSource _over;
    private bool _said;

    private Goodbye(TimeProvider time)
    {
        _over = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        Over = _over.Token;
    }

    /// <summary>Cancelled some time after the goodbye.</summary>
    public CancellationToken Over { get; }

    /// <summary>Goes before Kestrel's own handler of a connection, and after the one that has told HTTP/2 from other protocols.</summary>
    public static Func<ConnectionDelegate, ConnectionDelegate> Listen(TimeProvider time) => next => async connection =>
    {
        using var goodbye = new Goodbye(time);
        var transport = connection.Transport;
        connection.Features.Set(goodbye);
        connection.Transport = new Duplex(new Reader(transport.Input, goodbye), transport.Output);
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

    private void Say()
    {
        if (_said)
            return;
        _said = true;
        _over.CancelAfter(Patience);
    }

    private sealed record Duplex(PipeReader Input, PipeWriter Output) : IDuplexPipe;

    /// <summary>Hands everything through and looks at the frames' heads.</summary>
    private sealed class Reader(PipeReader inner, Goodbye goodbye) : PipeReader
    {
        private readonly FrameHeads _heads = new();
        private ReadOnlySequence<byte> _buffer;
        private long _looked;

        public override bool TryRead(out ReadResult result)
        {
            if (!inner.TryRead(out result))
                return false;
            Look(result);
            return true;
        }

        public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
        {
            var reading = inner.ReadAsync(cancellationToken);
            if (!reading.IsCompletedSuccessfully)
                return WaitAsync(reading);
            var result = reading.Result;
            Look(result);
            return ValueTask.FromResult(result);
        }

        public override void AdvanceTo(SequencePosition consumed)
        {
            _looked -= _buffer.Slice(0, consumed).Length;
            inner.AdvanceTo(consumed);
        }

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
        {
            _looked -= _buffer.Slice(0, consumed).Length;
            inner.AdvanceTo(consumed, examined);
        }

        public override void CancelPendingRead() => inner.CancelPendingRead();

        public override void Complete(Exception? exception = null) => inner.Complete(exception);

        [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
        private async ValueTask<ReadResult> WaitAsync(ValueTask<ReadResult> reading)
        {
            var result = await reading;
            Look(result);
            return result;
        }

        private void Look(in ReadResult result)
        {
            _buffer = result.Buffer;
            if (_buffer.Length > _looked && _heads.FindGoodbye(_buffer.Slice(_looked)))
                goodbye.Say();
            _looked = Math.Max(_looked, _buffer.Length);
        }
    }
}
