using System.IO.Pipelines;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace NativeLink.Actors.LocalCluster.Connections;

/// <summary>
/// Bounds how long a call may be open before its first message is there:
/// until then nobody knows what it is for, and no service can bound it. Costs
/// a timer only where the message does not come together with the call.
/// </summary>
internal static class FirstMessage
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    public static void UseFirstMessageBound(this IApplicationBuilder app, TimeProvider time) =>
        app.Use(next => async context =>
    {
        var reader = new Reader(context.Request.BodyReader, context, time);
        context.Features.Set<IRequestBodyPipeFeature>(reader);
        try
        {
            await next(context);
        }
        finally
        {
            // However the call has ended: its context is another call's from here on.
            reader.Stop();
        }
    });

    private sealed class Reader(
        PipeReader inner, HttpContext context, TimeProvider time) : PipeReader, IRequestBodyPipeFeature
    {
        private readonly Lock _gate = new();
        private ITimer? _timer;
        private bool _taken;
        private SequencePosition _start;

        PipeReader IRequestBodyPipeFeature.Reader => this;

        public override bool TryRead(out ReadResult result)
        {
            var read = inner.TryRead(out result);
            _start = result.Buffer.Start;
            return read;
        }

        public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
        {
            var reading = inner.ReadAsync(cancellationToken);
            return _taken ? reading : WaitAsync(reading);
        }

        public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
        {
            // What is taken is a whole message.
            if (!_taken && !consumed.Equals(_start))
                Stop();
            inner.AdvanceTo(consumed, examined);
        }

        public override void CancelPendingRead() => inner.CancelPendingRead();

        public override void Complete(Exception? exception = null)
        {
            Stop();
            inner.Complete(exception);
        }

        private async ValueTask<ReadResult> WaitAsync(ValueTask<ReadResult> reading)
        {
            if (!reading.IsCompleted)
                Arm();
            var result = await reading;
            _start = result.Buffer.Start;
            if (result.IsCompleted)
                Stop();
            return result;
        }

        /// <summary>Nothing is aborted once this has returned.</summary>
        public void Stop()
        {
            lock (_gate)
            {
                _taken = true;
                _timer?.Dispose();
            }
        }

        private void Arm()
        {
            lock (_gate)
            {
                if (!_taken)
                    _timer ??= time.CreateTimer(static state => ((Reader)state!).Abort(), this, Patience,
                        Timeout.InfiniteTimeSpan);
            }
        }

        private void Abort()
        {
            lock (_gate)
            {
                if (_taken)
                    return;
                try
                {
                    context.Abort();
                }
                catch (ObjectDisposedException)
                {
                    // The connection ended first.
                }
            }
        }
    }
}
