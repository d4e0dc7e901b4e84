using System.Globalization;
using System.Security.Cryptography;
using Google.Protobuf;
using Grpc.Core;
using NativeLink.Actors.Posix;
using NativeLink.Actors.Storage.Filesystem.Index;
using NativeLink.Actors.Storage.Filesystem.Layout;

namespace NativeLink.Actors.LocalCluster.Results;

/// <summary>
/// Action results on disk, one file an entry, named <c>{first two digits}/{hash}-{size}</c>: the
/// digest alone is the key, as in NativeLink. A file is the SHA-256 of the message and the message,
/// renamed into place, so that one cut off by a crash counts as absent. Least recently used entries
/// go first. Thread-safe; members block on the disk.
/// </summary>
internal sealed class ActionCacheStore
{
    private const int Format = 1;
    private const int MostAttempts = 4;

    // A file takes whole blocks, and its name some of its directory.
    private const long LeastFreed = 64L << 10;
    private const long Block = 4096;

    /// <summary>Uses within this time of the last noted one do not touch the disk again.</summary>
    private static readonly TimeSpan UseGrain = TimeSpan.FromMinutes(1);

    private readonly string _path;
    private readonly long _maxEntries;
    private readonly TimeProvider _time;
    private readonly Func<long, bool>? _freeSpace;
    private readonly Lock _lock = new();
    private readonly BlobIndex _index = new();
    private long _temp;

    /// <summary>
    /// Where NativeLink has kept its entries below the
    /// same path, as bare messages; null: it has not.
    /// </summary>
    private string? _nativeLinkPath;

    private ActionCacheStore(string path, long maxEntries, TimeProvider time, Func<long, bool>? freeSpace) =>
        (_path, _maxEntries, _time, _freeSpace) = (path, maxEntries, time, freeSpace);

    /// <summary>Entries held.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
                return _index.Count;
        }
    }

    private string TempPath => Path.Combine(_path, ".tmp");

    /// <summary>
    /// Opens or creates the cache; entries of an earlier
    /// run are there again, in the order of their last use.
    /// </summary>
    /// <param name="maxEntries">0 is no limit.</param>
    /// <param name="freeSpace">Asked to free about so many bytes when the disk is full; answers
    /// whether it did. Null: nobody can. Where it cannot, the oldest entries go.</param>
    /// <exception cref="FaultException">Storage: the path cannot be used; says why.</exception>
    public static ActionCacheStore Open(
        string path, long maxEntries, TimeProvider time, Func<long, bool>? freeSpace = null)
    {
        var store = new ActionCacheStore(path, maxEntries, time, freeSpace);
        try
        {
            Directory.CreateDirectory(path);
            StoreFormat.Check(Path.Combine(path, ".format"), Format, $"the action cache's directory '{path}'");
            if (Directory.Exists(store.TempPath))
                Directory.Delete(store.TempPath, recursive: true);
            Directory.CreateDirectory(store.TempPath);
            store.Load();
            store._nativeLinkPath = Path.Combine(path, "d") is var other && Directory.Exists(other) ? other : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new FaultException(
                FaultKind.Storage,
                $"the action cache's directory '{path}' cannot be used: {error.Message}; choose another or repair it",
                error);
        }
        return store;
    }

    /// <summary>The entry of an action; null when there is none. Counts as a use.</summary>
    public Reapi.ActionResult? TryGet(in Digest action)
    {
        var key = BlobIndex.KeyOf(action);
        bool isKnown;
        lock (_lock)
            isKnown = _index.Find(key) is not null;
        if (!isKnown)
            return _nativeLinkPath is { } other ? ReadNativeLink(Path.Combine(other, StorePaths.NameOf(key))) : null;
        if (Read(PathOf(key)) is { } result)
        {
            Touch(key);
            return result;
        }
        lock (_lock)
        {
            // Unless it has been written again meanwhile.
            if (_index.Find(key) is { } entry && Read(PathOf(key)) is null)
                Remove(entry);
        }
        return null;
    }

    /// <summary>Writes or replaces the entry of an action; it is whole on disk when this returns.</summary>
    /// <exception cref="FaultException">Storage: the disk refused it; RESOURCE_EXHAUSTED when it is full.</exception>
    public void Put(in Digest action, Reapi.ActionResult result)
    {
        var (key, message) = (BlobIndex.KeyOf(action), result.ToByteArray());
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                Write(key, message);
                return;
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                var isFull = DiskFault.IsFull(error);
                if (isFull && attempt < MostAttempts && TryMakeSpace(message.Length, attempt))
                    continue;
                throw new FaultException(
                    new Fault(FaultKind.Storage,
                        $"the action cache entry of {action} cannot be written below '{_path}': {error.Message}")
                    {
                        Code = isFull ? StatusCode.ResourceExhausted : null,
                    },
                    error);
            }
        }
    }

    /// <summary>
    /// What others free first, for there may be more of it;
    /// they may also take it again, so that our own goes then.
    /// </summary>
    private bool TryMakeSpace(int bytes, int attempt) =>
        (attempt > 0 && EvictOldest(bytes << attempt))
        || _freeSpace?.Invoke(bytes) == true
        || EvictOldest(bytes << attempt);

    private string PathOf(in Digest key) => Path.Combine(_path, key.Hash[..2], StorePaths.NameOf(key));

    private void Write(in Digest key, byte[] message)
    {
        var path = PathOf(key);
        var temp = Path.Combine(TempPath, Interlocked.Increment(ref _temp).ToString(CultureInfo.InvariantCulture));
        try
        {
            using (var file = File.OpenHandle(temp, FileMode.Create, FileAccess.Write))
            {
                RandomAccess.Write(file, SHA256.HashData(message), 0);
                RandomAccess.Write(file, message, SHA256.HashSizeInBytes);
            }
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            lock (_lock)
            {
                // Who evicts meets a file and its entry together.
                File.Move(temp, path, overwrite: true);
                Note(key);
            }
        }
        catch
        {
            DeleteFile(temp);
            throw;
        }
    }

    private void Load()
    {
        _index.AddAll(Entries());
        lock (_lock)
            EvictBeyondLimit();
    }

    private IEnumerable<(Digest Key, DateTimeOffset LastUse, bool HasExecutableCopy)> Entries()
    {
        foreach (var file in new DirectoryInfo(_path).EnumerateDirectories().Where(below => below.Name.Length == 2)
            .SelectMany(below => below.EnumerateFiles()))
        {
            if (StorePaths.TryParseName(file.Name, out var key) && file.Directory!.Name == file.Name[..2])
                yield return (key, new DateTimeOffset(file.LastWriteTimeUtc), false);
        }
    }

    private static Reapi.ActionResult? Read(string path)
    {
        try
        {
            var bytes = File.ReadAllBytes(path);
            if (bytes.Length < SHA256.HashSizeInBytes)
                return null;
            var message = bytes.AsSpan(SHA256.HashSizeInBytes);
            Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
            SHA256.HashData(message, hash);
            return hash.SequenceEqual(bytes.AsSpan(0, SHA256.HashSizeInBytes))
                ? Reapi.ActionResult.Parser.ParseFrom(message)
                : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException
            or InvalidProtocolBufferException)
        {
            return null;
        }
    }

    /// <summary>NativeLink renames its files into place too; one that is no ActionResult counts as absent.</summary>
    private static Reapi.ActionResult? ReadNativeLink(string path)
    {
        try
        {
            return File.Exists(path) ? Reapi.ActionResult.Parser.ParseFrom(File.ReadAllBytes(path)) : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException
            or InvalidProtocolBufferException)
        {
            return null;
        }
    }

    private void Note(in Digest key)
    {
        var now = _time.GetUtcNow();
        var entry = _index.Find(key) ?? _index.Add(key, now);
        entry.PersistedUse = now;
        _index.Touch(entry, now);
        // It would come back as this action's result when the new one has gone.
        if (_nativeLinkPath is { } other)
            DeleteFile(Path.Combine(other, StorePaths.NameOf(key)));
        EvictBeyondLimit();
    }

    /// <summary>Frees about so many bytes; false when there is nothing left.</summary>
    private bool EvictOldest(long bytes)
    {
        var freed = 0L;
        lock (_lock)
        {
            while (freed < Math.Max(bytes, LeastFreed) && _index.Oldest(_time.GetUtcNow()) is { } oldest)
            {
                freed += Block + (new FileInfo(PathOf(oldest.Key)) is { Exists: true } file ? file.Length : 0);
                Remove(oldest);
            }
        }
        return freed > 0;
    }

    private void Touch(in Digest key)
    {
        var now = _time.GetUtcNow();
        lock (_lock)
        {
            if (_index.Find(key) is not { } entry)
                return;
            _index.Touch(entry, now);
            if (now - entry.PersistedUse < UseGrain)
                return;
            entry.PersistedUse = now;
        }
        try
        {
            File.SetLastWriteTimeUtc(PathOf(key), now.UtcDateTime);
        }
        catch (IOException)
        {
            // The entry has just been evicted; its age no longer matters.
        }
    }

    private void Remove(BlobEntry entry)
    {
        var path = PathOf(entry.Key);
        _index.Remove(entry);
        DeleteFile(path);
    }

    private static void DeleteFile(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Gone with its directory, or the next start finds it again: it is no worse than before.
        }
    }

    private void EvictBeyondLimit()
    {
        while (_maxEntries > 0 && _index.Count > _maxEntries && _index.Oldest(_time.GetUtcNow()) is { } oldest)
            Remove(oldest);
    }
}
