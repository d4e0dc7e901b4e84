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
/// A large blob on its way from the CAS to the store, a graph of its own: the call → hash → file.
/// The next pieces are received while one is hashed and written, and no more than a few wait in
/// between: a slow disk holds the network back. What breaks in here breaks nobody else's.
/// </summary>
internal static class LargeDownload
{
    /// <summary>
    /// Pieces that may wait for the disk; a piece is what
    /// one message of the CAS holds, some MiB at most.
    /// </summary>
    private const int MostWaiting = 4;

    /// <summary>Completes when all of the blob has been written; committing it is the caller's.</summary>
    /// <exception cref="FaultException">The call's or the disk's.</exception>
    public static async Task RunAsync(
        ICasClient cas, Digest digest, IBlobWriter writer, IMaterializer materializer, CancellationToken stop)
    {
        var pieces = Channel.CreateBounded<BlobPiece>(
            new BoundedChannelOptions(MostWaiting)
            {
                SingleReader = true,
                SingleWriter = true,
                AllowSynchronousContinuations = true,
            });
        using var broken = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var written = WriteAsync(pieces.Reader, writer, materializer, broken);
        Exception? callFailure = null;
        Exception? cut = null;
        try
        {
            await cas.ReadAsync(digest, piece => HandOnAsync(pieces.Writer, piece, broken.Token), broken.Token);
        }
        catch (Exception error)
        {
            callFailure = error;
        }
        pieces.Writer.TryComplete(callFailure);
        try
        {
            // Where the disk was the reason, that is what went wrong; and nothing may be writing
            // when the writer is disposed of.
            cut = await written;
        }
        finally
        {
            // Only now: as long as the graph runs, what waits is its own.
            while (pieces.Reader.TryRead(out var left))
                left.Dispose();
        }
        if (callFailure is not null)
            ExceptionDispatchInfo.Throw(callFailure);
        if (cut is not null)
            throw new FaultException(FaultKind.Worker, $"the download of {digest} was cut short: {cut.Message}", cut);
    }

    private static async ValueTask HandOnAsync(
        ChannelWriter<BlobPiece> pieces, BlobPiece piece, CancellationToken cancellation)
    {
        try
        {
            await pieces.WriteAsync(piece, cancellation);
        }
        catch
        {
            piece.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Completes when nothing writes any more; answers what ended the graph, where that was neither
    /// the disk, which is thrown, nor the end of the blob.
    /// </summary>
    private static async Task<Exception?> WriteAsync(
        ChannelReader<BlobPiece> pieces, IBlobWriter writer, IMaterializer materializer, CancellationTokenSource broken)
    {
        Exception? failure = null;
        try
        {
            await Source.FromGraph(new PieceSource(pieces))
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
                .ToMaterialized(Sink.Ignore<NotUsed>(), Keep.Right)
                // Of the whole graph: with parts on several dispatchers it would be several actors, and not end as one.
                .WithAttributes(ActorAttributes.CreateDispatcher(WorkerHocon.LargeDownloadsDispatcher))
                .Run(materializer);
            return null;
        }
        catch (Exception error)
        {
            // Here and now: CancelAsync would do it on the thread pool.
            broken.Cancel();
            // Else the call broke, and says so itself; or the downloader ended, and with it the graph.
            if (failure is not null)
                ExceptionDispatchInfo.Throw(failure);
            return error;
        }
    }
}
