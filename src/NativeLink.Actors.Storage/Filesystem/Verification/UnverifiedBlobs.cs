using System.Globalization;
using NativeLink.Actors.Storage.Filesystem.Index;
using NativeLink.Actors.Storage.Filesystem.Layout;

namespace NativeLink.Actors.Storage.Filesystem.Verification;

/// <summary>
/// Blobs of which the machine may have gone down before the kernel had written them all, and which
/// have not been hashed since: each is hashed before its first use, and by whoever samples the
/// store. After a restore, or an upgrade that touched every file, that may be the whole store,
/// which nobody can wait for at a start. That they are unverified is written down until none is
/// left: another start finds it again by the times at which files changed. Thread-safe.
/// </summary>
/// <param name="verify">Hashes a blob and says so here (<see cref="Remove"/>), whatever came of it.</param>
internal sealed class UnverifiedBlobs(StorePaths paths, Lock gate, Action<Digest> verify)
{
    private readonly HashSet<Digest> _unverified = [];
    private readonly Queue<Digest> _order = new();
    private readonly Lock[] _verifying = [.. Enumerable.Range(0, 16).Select(static _ => new Lock())];
    private volatile bool _hasAny;

    /// <summary>How many are unverified now.</summary>
    public int Count
    {
        get
        {
            lock (gate)
                return _unverified.Count;
        }
    }

    /// <summary>
    /// What an earlier start left unverified: files that changed since then. Those of later starts
    /// are among them, as a link more or less changes a file's time too. Null: nothing.
    /// </summary>
    public static DateTimeOffset? LeftSince(StorePaths paths)
    {
        if (Libc.StatxAt(Libc.AtFdCwd, paths.UnverifiedMarker, Libc.AtSymlinkNoFollow, StatxBuffer.Basic, out _) != 0)
            return null;
        var isWhole = long.TryParse(File.ReadAllText(paths.UnverifiedMarker), NumberStyles.None,
            CultureInfo.InvariantCulture, out var since) && since < 253_402_300_000;
        // One that was cut off says of nothing that it was verified.
        return isWhole ? DateTimeOffset.FromUnixTimeSeconds(since) : DateTimeOffset.MinValue;
    }

    /// <summary>Takes up what is unverified.</summary>
    /// <param name="since">Written down: what changed since then
    /// is unverified; null when that is written already.</param>
    public void Begin(IReadOnlyCollection<Digest> blobs, DateTimeOffset? since)
    {
        lock (gate)
        {
            _unverified.UnionWith(blobs);
            foreach (var blob in blobs)
                _order.Enqueue(blob);
        }
        _hasAny = blobs.Count > 0;
        if (!_hasAny)
            DeleteMarker();
        else if (since is { } first)
            File.WriteAllText(paths.UnverifiedMarker, Math.Max(0, first.ToUnixTimeSeconds())
                .ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>
    /// Before a blob is used: an unverified one is hashed, its executable copy with it, and is not
    /// here any more if it is corrupt.
    /// </summary>
    /// <exception cref="FaultException">Storage: its file is there and cannot be opened.</exception>
    public void EnsureVerified(in Digest digest)
    {
        if (!_hasAny)
            return;
        var key = BlobIndex.KeyOf(digest);
        lock (_verifying[key.GetHashCode() & 15])
        {
            lock (gate)
            {
                if (!_unverified.Contains(key))
                    return;
            }
            verify(digest);
        }
    }

    /// <summary>
    /// Another unverified blob each time, so that one which cannot
    /// be read holds up no other; null when there are none.
    /// </summary>
    public Digest? Next()
    {
        if (!_hasAny)
            return null;
        lock (gate)
        {
            while (_order.TryDequeue(out var next))
            {
                if (!_unverified.Contains(next))
                    continue;
                _order.Enqueue(next);
                return next;
            }
            return null;
        }
    }

    /// <summary>It was hashed, written anew, or has gone.</summary>
    public void Remove(in Digest key)
    {
        if (!_hasAny)
            return;
        lock (gate)
        {
            if (!_unverified.Remove(BlobIndex.KeyOf(key)) || _unverified.Count > 0)
                return;
        }
        _hasAny = false;
        DeleteMarker();
    }

    private void DeleteMarker() => _ = Libc.UnlinkAt(Libc.AtFdCwd, paths.UnverifiedMarker, 0);
}
