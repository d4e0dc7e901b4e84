using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Akka.Streams;
using Akka.Streams.Stage;
using NativeLink.Actors.Cas.Codec;

namespace NativeLink.Actors.Worker.Inputs;

/// <summary>
/// Pieces out of a channel, until it is completed. Where there are none, whoever writes the next one tells the graph:
/// Akka's own source of a channel is told by the thread pool, one more thread to be woken, and one whose turn nobody
/// can foresee. For that the channel has to allow synchronous continuations.
/// </summary>
internal sealed class PieceSource(ChannelReader<BlobPiece> pieces) : GraphStage<SourceShape<BlobPiece>>
{
    public override SourceShape<BlobPiece> Shape { get; } = new(new Outlet<BlobPiece>("PieceSource.out"));

    protected override GraphStageLogic CreateLogic(Attributes inheritedAttributes) => new Logic(Shape, pieces);

    private sealed class Logic : OutGraphStageLogic
    {
        private readonly Outlet<BlobPiece> _outlet;
        private readonly ChannelReader<BlobPiece> _pieces;
        private readonly Action _tellGraph;
        private ConfiguredValueTaskAwaitable<bool>.ConfiguredValueTaskAwaiter _waiting;

        public Logic(SourceShape<BlobPiece> shape, ChannelReader<BlobPiece> pieces)
            : base(shape)
        {
            (_outlet, _pieces) = (shape.Outlet, pieces);
            _tellGraph = GetAsyncCallback(OnReady);
            SetHandler(_outlet, this);
        }

        [SuppressMessage("Reliability", "CA2012", Justification = "Its result is taken once, when it is there.")]
        public override void OnPull()
        {
            if (_pieces.TryRead(out var piece))
            {
                Push(_outlet, piece);
                return;
            }
            _waiting = _pieces.WaitToReadAsync().ConfigureAwait(false).GetAwaiter();
            if (_waiting.IsCompleted)
                OnReady();
            else
                _waiting.UnsafeOnCompleted(_tellGraph);
        }

        /// <summary>What the channel was broken with is thrown here, and fails the graph.</summary>
        private void OnReady()
        {
            if (_waiting.GetResult())
                OnPull();
            else
                CompleteStage();
        }
    }
}
