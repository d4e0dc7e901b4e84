using System.Globalization;

namespace NativeLink.Actors.Storage.Filesystem;

/// <summary>
/// Blobs of which the machine may have gone down before the kernel had written them all, and which have not been hashed since: each is hashed
/// before its first use, and by whoever samples the store. After a restore, or an upgrade that touched every file, that may be the whole store, which nobody
/// can wait for at a start. What is in doubt is written down until it is settled: another start finds it again by the times at which files changed.
/// Thread-safe.
/// </summary>
internal sealed class StoreDoubts(StorePaths paths, Lock gate, Action<Digest> verify)
{
    private readonly HashSet<Digest> _open = [];
    private readonly Queue<Digest> _order = new();
    private readonly Lock[] _proving = [.. Enumerable.Range(0, 16).Select(static _ => new Lock())];
    private volatile bool _hasAny;

    /// <summary>How many are in doubt now.</summary>
    public int Count
    {
        get
        {
            lock (gate)
                return _open.Count;
        }
    }

    /// <summary>
    /// What an earlier start left in doubt: files that changed since then. Those of later starts are among them, as a link more or less changes a file's time too.
    /// Null: nothing.
    /// </summary>
    public static DateTimeOffset? Left(StorePaths paths)
    {
        if (Libc.StatxAt(Libc.AtFdCwd, paths.DoubtsFile, Libc.AtSymlinkNoFollow, StatxBuffer.Basic, out _) != 0)
            return null;
        var isWhole = long.TryParse(File.ReadAllText(paths.DoubtsFile), NumberStyles.None, CultureInfo.InvariantCulture, out var since) && since < 253_402_300_000;
        // One that was cut off says of nothing that it is sound.
        return isWhole ? DateTimeOffset.FromUnixTimeSeconds(since) : DateTimeOffset.MinValue;
    }

    /// <summary>Takes up what is in doubt.</summary>
    /// <param name="since">Written down: what changed since then is in doubt; null when that is written already.</param>
    public void Begin(IReadOnlyCollection<Digest> blobs, DateTimeOffset? since)
    {
        lock (gate)
        {
            _open.UnionWith(blobs);
            foreach (var blob in blobs)
                _order.Enqueue(blob);
        }
        _hasAny = blobs.Count > 0;
        if (!_hasAny)
            Settle();
        else if (since is { } first)
            File.WriteAllText(paths.DoubtsFile, Math.Max(0, first.ToUnixTimeSeconds()).ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>Before a blob is used: one in doubt is hashed, its twin with it, and is not here any more if it is wrong.</summary>
    /// <exception cref="FaultException">Storage: its file is there and cannot be opened.</exception>
    public void Resolve(in Digest digest)
    {
        if (!_hasAny)
            return;
        var key = BlobIndex.KeyOf(digest);
        lock (_proving[key.GetHashCode() & 15])
        {
            lock (gate)
            {
                if (!_open.Contains(key))
                    return;
            }
            verify(digest);
            Remove(key);
        }
    }

    /// <summary>Another blob in doubt each time, so that one which cannot be read holds up no other; null when there are none.</summary>
    public Digest? Any()
    {
        if (!_hasAny)
            return null;
        lock (gate)
        {
            while (_order.TryDequeue(out var next))
            {
                if (!_open.Contains(next))
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
            if (!_open.Remove(BlobIndex.KeyOf(key)) || _open.Count > 0)
                return;
        }
        _hasAny = false;
        Settle();
    }

    private void Settle() => _ = Libc.UnlinkAt(Libc.AtFdCwd, paths.DoubtsFile, 0);
}
