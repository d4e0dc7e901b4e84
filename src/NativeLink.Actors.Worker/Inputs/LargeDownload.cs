using System.Runtime.ExceptionServices;
using System.Threading.Channels;
using Akka;
using Akka.Streams;
using Akka.Streams.Dsl;
using NativeLink.Actors.Cas;
using NativeLink.Actors.Cas.Codec;
using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Worker.Telemetry;

namespace NativeLink.Actors.Worker.Inputs;

/// <summary>
/// A large blob on its way from the CAS to the store, a graph of its own: the call → hash → file. The next pieces are received while one is hashed and written,
/// and no more than a few wait in between: a slow disk holds the network back. What breaks in here breaks nobody else's.
/// </summary>
internal static class LargeDownload
{
    /// <summary>Pieces that may wait for the disk; a piece is what one message of the CAS holds, some MiB at most.</summary>
    private const int MostWaiting = 4;

    /// <summary>Completes when all of the blob has been written; committing it is the caller's.</summary>
    /// <exception cref="FaultException">The call's or the disk's.</exception>
    public static async Task RunAsync(ICasClient cas, Digest digest, BlobWriter writer, IMaterializer materializer, CancellationToken stop)
    {
        var pieces = Channel.CreateBounded<BlobPiece>(new BoundedChannelOptions(MostWaiting) { SingleReader = true, SingleWriter = true });
        using var broken = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var written = WriteAsync(pieces.Reader, writer, materializer, broken);
        Exception? callFailure = null;
        try
        {
            await cas.ReadAsync(digest, piece => pieces.Writer.WriteAsync(piece, broken.Token), broken.Token);
        }
        catch (Exception error)
        {
            callFailure = error;
        }
        pieces.Writer.TryComplete(callFailure);
        try
        {
            // Where the disk was the reason, that is what went wrong; and nothing may be writing when the writer is disposed of.
            await written;
        }
        finally
        {
            // Only now: as long as the graph runs, what waits is its own.
            while (pieces.Reader.TryRead(out var left))
                left.Dispose();
        }
        if (callFailure is not null)
            ExceptionDispatchInfo.Throw(callFailure);
    }

    private static async Task WriteAsync(ChannelReader<BlobPiece> pieces, BlobWriter writer, IMaterializer materializer, CancellationTokenSource broken)
    {
        Exception? failure = null;
        try
        {
            await ChannelSource.FromReader(pieces)
                .Select(piece =>
                {
                    using (piece)
                    {
                        try
                        {
                            writer.Append(piece.Memory.Span);
                        }
                        catch (Exception error)
                        {
                            failure = error;
                            throw;
                        }
                    }
                    return NotUsed.Instance;
                })
                .WithAttributes(ActorAttributes.CreateDispatcher(WorkerHocon.StepsDispatcher))
                .RunWith(Sink.Ignore<NotUsed>(), materializer);
        }
        catch (Exception)
        {
            await broken.CancelAsync();
            // Else the call broke, and says so itself; or the downloader ended, and with it the graph.
            if (failure is not null)
                ExceptionDispatchInfo.Throw(failure);
        }
    }
}
