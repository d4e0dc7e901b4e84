using Grpc.Core;
using NativeLink.Actors.Storage.Filesystem;

namespace NativeLink.Actors.LocalCluster.Services;

/// <summary>
/// Uploads by their id: those that a stream feeds now, and unfinished ones that are kept for a while so that the client can go on after a break
/// (wire contract 2.3). Kept ones are bounded in time and in number; the oldest goes first.
/// </summary>
internal sealed class PartialUploads(ContentStore store, TimeSpan lifetime, TimeProvider time) : IDisposable
{
    /// <summary>Each holds a file open.</summary>
    private const int MaxIdle = 256;

    private static readonly TimeSpan TakeOverPatience = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Upload> _byId = [];
    private readonly LinkedList<(Upload Upload, long Since)> _idle = [];
    private ITimer? _expiry;

    /// <summary>
    /// The upload to feed: the one kept under this id, or a new one. A stream that wants to go on in the middle of an upload which another stream
    /// still feeds takes it over, since that other one is most likely broken; one that starts at 0 becomes an upload of its own.
    /// </summary>
    /// <exception cref="RpcException">INVALID_ARGUMENT: the id belongs to an upload of another digest.</exception>
    public async Task<Upload> BeginAsync(ResourceName name, long firstOffset, CancellationToken cancellation)
    {
        while (true)
        {
            Upload other;
            lock (_lock)
            {
                if (TryBegin(name, firstOffset, out other) is { } upload)
                    return upload;
            }
            other.RequestTakeOver();
            try
            {
                await other.Released.WaitAsync(TakeOverPatience, time, cancellation);
            }
            catch (TimeoutException)
            {
                throw new RpcException(new Status(StatusCode.Unavailable, $"upload {name.UploadId} is still being fed by another stream; try again"));
            }
        }
    }

    /// <summary>The stream lets go of the upload; it is kept when it may be resumed, else forgotten.</summary>
    public void End(Upload upload, bool keep)
    {
        lock (_lock)
        {
            var known = _byId.GetValueOrDefault(upload.Name.UploadId!) == upload;
            if (known && keep && upload.CanResume && lifetime > TimeSpan.Zero)
            {
                _idle.AddLast((upload, time.GetTimestamp()));
                if (_idle.Count > MaxIdle)
                    DropOldest();
                _expiry ??= time.CreateTimer(static self => ((PartialUploads)self!).Expire(), this, lifetime, Timeout.InfiniteTimeSpan);
            }
            else
            {
                if (known)
                    _byId.Remove(upload.Name.UploadId!);
                upload.Dispose();
            }
        }
        upload.Release();
    }

    /// <summary>Bytes received so far under this name; null when nothing is known of it.</summary>
    public long? Received(ResourceName name)
    {
        lock (_lock)
            return _byId.TryGetValue(name.UploadId!, out var upload) && upload.Digest == name.Digest ? upload.Received : null;
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _expiry?.Dispose();
            while (_idle.Count > 0)
                DropOldest();
        }
    }

    private Upload? TryBegin(ResourceName name, long firstOffset, out Upload other)
    {
        if (!_byId.TryGetValue(name.UploadId!, out other!))
            return _byId[name.UploadId!] = Create(name);
        if (other.Digest != name.Digest)
            throw RequestChecks.Invalid($"upload {name.UploadId} was begun for {other.Digest}, not {name.Digest}; use a new id");
        if (FindIdle(other) is not { } kept)
            return firstOffset > 0 && other.CanResume ? null : Create(name);
        _idle.Remove(kept);
        if (other.Name.Compressor != name.Compressor)
        {
            other.Dispose();
            return _byId[name.UploadId!] = Create(name);
        }
        other.Activate();
        return other;
    }

    private LinkedListNode<(Upload Upload, long Since)>? FindIdle(Upload upload)
    {
        var node = _idle.First;
        while (node is not null && node.Value.Upload != upload)
            node = node.Next;
        return node;
    }

    private Upload Create(ResourceName name) => name.Compressor == BlobCompressor.Zstd ? new ZstdUpload(name, store) : new PlainUpload(name, store);

    private void Expire()
    {
        lock (_lock)
        {
            while (_idle.First is { } oldest && time.GetElapsedTime(oldest.Value.Since) >= lifetime)
                DropOldest();
            if (_idle.First is { } next)
                _expiry?.Change(lifetime - time.GetElapsedTime(next.Value.Since), Timeout.InfiniteTimeSpan);
            else
            {
                _expiry?.Dispose();
                _expiry = null;
            }
        }
    }

    private void DropOldest()
    {
        var upload = _idle.First!.Value.Upload;
        _idle.RemoveFirst();
        _byId.Remove(upload.Name.UploadId!);
        upload.Dispose();
    }
}
