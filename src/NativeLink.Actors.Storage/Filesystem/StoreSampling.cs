using NativeLink.Actors.Storage.Filesystem.Verification;

namespace NativeLink.Actors.Storage.Filesystem;

/// <summary>
/// Hashes blobs of a running store again, one chosen at random after the other, so that one that
/// went bad on the disk is quarantined before many actions have used it. Costs at most
/// <see cref="BytesPerMinute"/> on a thread of the lowest priority: a large blob is read over
/// several minutes, a small store is looked through once an hour.
/// </summary>
internal sealed class StoreSampling : IDisposable
{
    /// <summary>About 25 ms of one processor; 2 GB an hour.</summary>
    public const long BytesPerMinute = 32L << 20;

    private const long Piece = 1 << 20;

    /// <summary>A file that is opened costs as much as some bytes that are read.</summary>
    private const long LeastCost = 64 << 10;

    private const int MinutesForAll = 60;
    private static readonly TimeSpan Period = TimeSpan.FromMinutes(1);

    private readonly Lock _working = new();
    private readonly ContentStore _store;
    private readonly Random _random;
    private readonly ITimer _timer;
    private Sample? _current;
    private volatile bool _stopped;

    private StoreSampling(ContentStore store, TimeProvider time, Random random)
    {
        (_store, _random) = (store, random);
        _timer = time.CreateTimer(_ => StartThread(), null, Period, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Samples from now on until it is disposed, which has to happen before the store is.</summary>
    public static StoreSampling Start(ContentStore store, TimeProvider time, Random random) => new(store, time, random);

    /// <summary>Waits for the piece that is being read, 1 MiB at most.</summary>
    public void Dispose()
    {
        _stopped = true;
        _timer.Dispose();
        lock (_working)
        {
            _current?.Verification.Dispose();
            _current = null;
        }
    }

    private void StartThread() => new Thread(Work) { IsBackground = true, Name = "store sampling" }.Start();

    private void Work()
    {
        lock (_working)
        {
            if (_stopped)
                return;
            Libc.LowerPriority();
            try
            {
                ReadSome(BytesPerMinute);
            }
            catch (Exception error)
            {
                // A check that cannot be made must not end the process whose work it is to help.
                _store.Warn($"the store could not be checked: {error.Message}; it goes on in a minute");
            }
            if (!_stopped)
                _timer.Change(Period, Timeout.InfiniteTimeSpan);
        }
    }

    private void ReadSome(long bytes)
    {
        var picks = 1 + (_store.Usage.Count / MinutesForAll);
        while (bytes > 0 && !_stopped)
        {
            if (_current is { } current)
                bytes -= ReadPiece(current, Math.Min(Piece, bytes));
            else if (picks-- > 0 && _store.PickAny(_random) is { } picked)
                _current = OpenBlob(picked);
            else
                return;
        }
    }

    private long ReadPiece(Sample current, long bytes)
    {
        var read = current.Verification.Advance(bytes);
        if (!current.Verification.IsDone)
            return read;
        // Whatever comes of it, it is not looked at again.
        _current = null;
        _current = Conclude(current);
        if (_current is null)
            _store.MarkVerified(current.Digest);
        return read + LeastCost;
    }

    /// <summary>What is to be read next, if that is known: a verified blob's executable copy.</summary>
    private Sample? Conclude(Sample done)
    {
        using (done.Verification)
        {
            if (done.Verification.Corruption is not { } corrupt)
                return !done.IsExecutableCopy && _store.HasExecutableCopy(done.Digest)
                    ? Open(done.Digest, isExecutableCopy: true)
                    : null;
            if (done.IsExecutableCopy)
                _store.QuarantineExecutableCopy(done.Digest, corrupt);
            else
                _store.Quarantine(done.Digest, corrupt);
            return null;
        }
    }

    private Sample? OpenBlob(in Digest digest)
    {
        if (Open(digest, isExecutableCopy: false) is { } sample)
            return sample;
        // It has gone since.
        _store.MarkVerified(digest);
        return null;
    }

    private Sample? Open(in Digest digest, bool isExecutableCopy) =>
        BlobVerification.Open(isExecutableCopy
            ? _store.Links.ExecutableCopyPathOf(digest)
            : _store.Links.PathOf(digest), digest) is { } verification
            ? new Sample(digest, isExecutableCopy, verification)
            : null;

    private sealed record Sample(Digest Digest, bool IsExecutableCopy, BlobVerification Verification);
}
