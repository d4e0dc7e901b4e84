using Grpc.Core;
using NativeLink.Actors.Protocol.Hashing;
using NativeLink.Actors.Storage.Filesystem.Index;
using NativeLink.Actors.Storage.Filesystem.Layout;

namespace NativeLink.Actors.Storage.Filesystem;

/// <content>How a blob comes to its place.</content>
internal sealed partial class ContentStore
{
    // What is smaller always fits: the file system is not asked.
    private const long SmallBytes = 1 << 20;

    /// <summary>
    /// What the limit leaves for one blob; 0 where there is no
    /// limit, or where what is leased is taken in all the same.
    /// </summary>
    private long MostBytes => _options is { RefusesTooLarge: true, MaxBytes: > 0 }
        ? Math.Max(1, _options.MaxBytes / Math.Max(1, _options.BlockSize) * Math.Max(1, _options.BlockSize))
        : 0;

    /// <exception cref="FaultException">Storage, RESOURCE_EXHAUSTED: a blob of this size never fits.</exception>
    internal void RequireFits(in Digest digest)
    {
        if (MostBytes is > 0 and var most && digest.SizeBytes > most)
            throw TooLarge(
                digest,
                $"the store of {_options.ContentPath} holds at most {_options.MaxBytes} bytes, " +
                $"and a single blob {most}");
        if (digest.SizeBytes > SmallBytes && Space.Capacity is var all && digest.SizeBytes > all)
            throw TooLarge(digest, $"the file system of {_options.ContentPath} has {all} bytes in all");
    }

    private static FaultException TooLarge(in Digest digest, string why) =>
        new(new Fault(FaultKind.Storage, $"blob {digest} can never fit: {why}")
        {
            Code = StatusCode.ResourceExhausted,
        });

    /// <summary>Renames a finished temporary file to its blob's name.</summary>
    internal IDisposable? Place(string temp, in Digest digest, bool lease)
    {
        var key = BlobIndex.KeyOf(digest);
        BlobEntry placed;
        for (var attempt = 0; ; attempt++)
        {
            var errno = PlaceOnce(temp, key, lease, out placed);
            if (errno == 0)
                break;
            if (!Space.TryFreeAfter(errno, attempt, 0))
                throw DiskFault.Of($"blob {digest} cannot be put into {_paths.BlobDirectory}", errno);
        }
        _eviction.TryRun(placed);
        return lease ? _leases.Handle([placed]) : null;
    }

    private int PlaceOnce(string temp, in Digest key, bool lease, out BlobEntry placed)
    {
        placed = default;
        lock (_gate)
        {
            if (lease)
                _leases.Announce(key);
            if (Libc.RenameAt(Libc.AtFdCwd, temp, _paths.BlobDescriptor, StorePaths.NameOf(key)) != 0)
            {
                var errno = Errno.Last;
                if (lease)
                    _leases.Retract(key);
                return errno;
            }
            var now = _time.GetUtcNow();
            placed = _index.Find(key) ?? _index.Add(key, now);
            placed.PersistedUse = now;
            _index.Vouch(placed, now);
            if (lease)
                _leases.BeginAnnounced(placed);
            return 0;
        }
    }

    private IDisposable? Put(in Digest digest, ReadOnlySpan<byte> content, bool lease)
    {
        var actual = BlobHasher.Compute(content, digest.Function);
        if (actual != digest)
            throw new FaultException(new Fault(FaultKind.Storage, $"the bytes for blob {digest} hash to {actual}")
            {
                Code = StatusCode.DataLoss,
            });
        if (digest.IsEmpty)
            return lease ? _leases.Handle([]) : null;
        if (Use(digest, lease, vouch: true) is { } entry)
            return lease ? _leases.Handle([entry]) : null;
        RequireFits(digest);
        var temp = _temps.NewPath();
        try
        {
            using (var file = CreateTemp(temp, content.Length))
            {
                file.Write(content, 0);
                file.Finish();
            }
            return Place(temp, digest, lease);
        }
        catch
        {
            _ = Libc.UnlinkAt(Libc.AtFdCwd, temp, 0);
            throw;
        }
    }
}
