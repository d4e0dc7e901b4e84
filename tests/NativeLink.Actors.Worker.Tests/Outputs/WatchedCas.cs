using System.Collections.Immutable;
using NativeLink.Actors.Cas;
using NativeLink.Actors.Cas.Codec;

namespace NativeLink.Actors.Worker.Tests.Outputs;

/// <summary>
/// A CAS that tells how many actions' outputs an uploader
/// has taken up, and holds its first answer back.
/// </summary>
internal sealed class WatchedCas(ICasClient inner) : ICasClient
{
    private int _calls;
    private int _looks;

    public TaskCompletionSource Answered { get; } = new();

    public TaskCompletionSource Gate { get; } = new();

    public bool HoldsFirstAnswer { get; init; }

    /// <summary>Absences that the test invents.</summary>
    public long MoreAbsences { get; set; }

    public long Absences
    {
        get
        {
            Interlocked.Increment(ref _looks);
            return inner.Absences + MoreAbsences;
        }
    }

    public int MaxBatchBytes => inner.MaxBatchBytes;

    public long MaxBlobBytes => inner.MaxBlobBytes;

    /// <summary>
    /// So many actions have their outputs hashed, and those are among what the uploader asks about
    /// next. It looks at the absences once for each action that it takes up with what it will ask
    /// later, and once more for each blob that it asks about: to be asked where the calls of all
    /// earlier ones are under way.
    /// </summary>
    public Task TakenUpAsync(int actions) => Eventually.HoldsAsync(
        () => Volatile.Read(ref _looks) >= actions + Volatile.Read(ref _calls),
        () => $"{_looks} looks at the absences, {_calls} calls");

    public async Task<ImmutableArray<Digest>> FindMissingAsync(
        IReadOnlyCollection<Digest> digests, CancellationToken cancellation)
    {
        var isFirst = Interlocked.Increment(ref _calls) == 1;
        var answer = await inner.FindMissingAsync(digests, cancellation);
        if (!isFirst || !HoldsFirstAnswer)
            return answer;
        Answered.SetResult();
        await Gate.Task;
        return answer;
    }

    public Task<IReadOnlyList<BatchBlob>> ReadBatchAsync(
        IReadOnlyCollection<Digest> digests, CancellationToken cancellation) =>
        inner.ReadBatchAsync(digests, cancellation);

    public Task ReadAsync(Digest digest, Func<BlobPiece, ValueTask> sink, CancellationToken cancellation) =>
        inner.ReadAsync(digest, sink, cancellation);

    public Task<IReadOnlyList<Reapi.Directory>?> GetTreeAsync(Digest root, CancellationToken cancellation) =>
        inner.GetTreeAsync(root, cancellation);

    public Task<IReadOnlyDictionary<Digest, Fault>> TryWriteBatchAsync(
        IReadOnlyCollection<(Digest Digest, ReadOnlyMemory<byte> Data)> blobs, CancellationToken cancellation) =>
        inner.TryWriteBatchAsync(blobs, cancellation);

    public Task WriteAsync(Digest digest, BlobSource source, CancellationToken cancellation) =>
        inner.WriteAsync(digest, source, cancellation);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
