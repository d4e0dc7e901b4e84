using Grpc.Core;
using NativeLink.Actors.Storage.Filesystem;

namespace NativeLink.Actors.LocalCluster.BlobAccess;

/// <summary>
/// Uploads by their name: those that a stream writes now, and unfinished ones that are kept for a
/// while so that the client can go on after a break (protos/README.md 2.3). Kept ones are bounded
/// in time, in number and in bytes, the oldest goes first; all of them together are bounded in
/// bytes.
/// </summary>
internal sealed class PartialUploads : IDisposable
{
    /// <summary>Each holds a file open.</summary>
    private const int MaxIdle = 256;

    /// <summary>Of the bytes that all uploads may hold, so much may belong to kept ones.</summary>
    private const int IdleShare = 4;

    private static readonly TimeSpan TakeOverPatience = TimeSpan.FromSeconds(5);

    private readonly ContentStore _store;
    private readonly TimeSpan _lifetime;
    private readonly TimeProvider _time;
    private readonly long _mostIdleBytes;
    private readonly Lock _lock = new();
    private readonly Lock _evicting = new();
    private readonly Dictionary<UploadKey, Upload> _byKey = [];
    private readonly LinkedList<(Upload Upload, long Since)> _idle = [];
    private long _idleBytes;
    private ITimer? _expiry;

    /// <param name="mostBytes">Most bytes that all uploads together may hold.</param>
    public PartialUploads(ContentStore store, TimeSpan lifetime, long mostBytes, TimeProvider time)
    {
        (_store, _lifetime, _time, _mostIdleBytes) = (store, lifetime, time, mostBytes / IdleShare);
        Budget = new UploadBudget(mostBytes) { EvictIdle = EvictIdle };
    }

    /// <summary>What uploads of every kind reserve their bytes in.</summary>
    public UploadBudget Budget { get; }

    /// <summary>
    /// The upload to write to: the one kept under this name, or a new one. A stream that wants to
    /// go on in the middle of an upload which another stream still writes takes it over, since that
    /// other one is most likely broken; one that starts at 0 becomes an upload of its own. Null:
    /// the other one has ended it, and the blob is here.
    /// </summary>
    /// <exception cref="RpcException">UNAVAILABLE: another stream does not let go of it.</exception>
    /// <exception cref="FaultException">The store cannot take such a blob.</exception>
    public async Task<Upload?> BeginAsync(ResourceName name, long firstOffset, CancellationToken cancellation)
    {
        var began = _time.GetTimestamp();
        while (true)
        {
            if (TryResume(name, firstOffset, out var other) is { } kept)
                return kept;
            if (other is null)
            {
                if (TryAdd(Create(name), firstOffset) is { } made)
                    return made;
                continue;
            }
            other.RequestTakeOver();
            try
            {
                var left = TakeOverPatience - _time.GetElapsedTime(began);
                if (left <= TimeSpan.Zero)
                    throw new TimeoutException();
                await other.Released.WaitAsync(left, _time, cancellation);
            }
            catch (TimeoutException)
            {
                throw new RpcException(new Status(StatusCode.Unavailable,
                    $"upload {name.UploadId} is still being fed by another stream; try again"));
            }
            if (_store.Contains(name.Digest))
                return null;
        }
    }

    /// <summary>The stream lets go of the upload; it is kept when it may be resumed, else removed.</summary>
    public void End(Upload upload, bool keep)
    {
        var gone = new List<Upload>();
        var session = upload.Session; // This stream's: as soon as it is idle, another one may begin to write it.
        lock (_lock)
        {
            var known = _byKey.GetValueOrDefault(upload.Key) == upload;
            if (known && keep && upload.CanResume && _lifetime > TimeSpan.Zero)
            {
                _idle.AddLast((upload, _time.GetTimestamp()));
                _idleBytes += upload.Held;
                while (_idle.Count > MaxIdle || _idleBytes > _mostIdleBytes)
                    gone.Add(TakeOldest());
                _expiry ??= _time.CreateTimer(static self => ((PartialUploads)self!).Expire(), this, _lifetime,
                    Timeout.InfiniteTimeSpan);
            }
            else
            {
                if (known)
                    _byKey.Remove(upload.Key);
                gone.Add(upload);
            }
        }
        try
        {
            gone.ForEach(static upload => upload.Dispose());
        }
        finally
        {
            session.Release();
        }
    }

    /// <summary>Bytes received so far under this name; null when nothing is known of it.</summary>
    public long? Received(ResourceName name)
    {
        lock (_lock)
            return _byKey.GetValueOrDefault(UploadKey.Of(name))?.Received;
    }

    public void Dispose()
    {
        var gone = new List<Upload>();
        lock (_lock)
        {
            _expiry?.Dispose();
            while (_idle.Count > 0)
                gone.Add(TakeOldest());
        }
        gone.ForEach(static upload => upload.Dispose());
    }

    /// <param name="other">Who writes it now, if it has to be taken over.</param>
    private Upload? TryResume(ResourceName name, long firstOffset, out UploadSession? other)
    {
        other = null;
        lock (_lock)
        {
            if (!_byKey.TryGetValue(UploadKey.Of(name), out var known))
                return null;
            if (FindIdle(known) is { } kept)
            {
                TakeIdle(kept);
                known.Activate();
                return known;
            }
            other = firstOffset > 0 && known.CanResume ? known.Session : null;
            return null;
        }
    }

    /// <summary>
    /// Gives a new upload its name, unless that was taken meanwhile: then it has none, or null says
    /// that the one with the name is to be written.
    /// </summary>
    private Upload? TryAdd(Upload made, long firstOffset)
    {
        lock (_lock)
        {
            if (_byKey.TryAdd(made.Key, made) || firstOffset == 0 || !made.CanResume)
                return made;
        }
        made.Dispose();
        return null;
    }

    private LinkedListNode<(Upload Upload, long Since)>? FindIdle(Upload upload)
    {
        var node = _idle.First;
        while (node is not null && node.Value.Upload != upload)
            node = node.Next;
        return node;
    }

    /// <summary>Makes a file: not under the lock, which all uploads need.</summary>
    private Upload Create(ResourceName name) =>
        name.Compressor == BlobCompressor.Zstd
            ? new ZstdUpload(name, _store, Budget)
            : new PlainUpload(name, _store, Budget);

    /// <summary>Who comes while another one evicts waits until that is done, and so has its part of it.</summary>
    private void EvictIdle(long bytes)
    {
        lock (_evicting)
        {
            var gone = new List<Upload>();
            lock (_lock)
            {
                for (var free = 0L; free < bytes && _idle.First is { } oldest; gone.Add(TakeOldest()))
                    free += oldest.Value.Upload.Held;
            }
            gone.ForEach(static upload => upload.Dispose());
        }
    }

    private void Expire()
    {
        var gone = new List<Upload>();
        lock (_lock)
        {
            var now = _time.GetTimestamp(); // One look: between two of them an upload may become too old.
            while (_idle.First is { } oldest && _time.GetElapsedTime(oldest.Value.Since, now) >= _lifetime)
                gone.Add(TakeOldest());
            if (_idle.First is { } next)
                _expiry?.Change(_lifetime - _time.GetElapsedTime(next.Value.Since, now), Timeout.InfiniteTimeSpan);
            else
            {
                _expiry?.Dispose();
                _expiry = null;
            }
        }
        gone.ForEach(static upload => upload.Dispose());
    }

    /// <summary>The caller disposes it, and not under the lock: a large file takes its time to go.</summary>
    private Upload TakeOldest()
    {
        var node = _idle.First!;
        TakeIdle(node);
        _byKey.Remove(node.Value.Upload.Key);
        return node.Value.Upload;
    }

    private void TakeIdle(LinkedListNode<(Upload Upload, long Since)> node)
    {
        _idle.Remove(node);
        _idleBytes -= node.Value.Upload.Held;
    }
}
