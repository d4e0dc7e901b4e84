using System.Globalization;
using System.Security.Cryptography;
using Google.Protobuf;

namespace NativeLink.Actors.LocalCluster.Services;

/// <summary>
/// Action results on disk, one file an entry, named <c>{first two digits}/{hash}-{size}</c>: the digest alone is the key, as in NativeLink.
/// A file is the SHA-256 of the message and the message, renamed into place, so that one cut off by a crash counts as absent.
/// Least recently used entries go first. Thread-safe; members block on the disk.
/// </summary>
public sealed class ActionCacheStore
{
    /// <summary>Uses within this time of the last noted one do not touch the disk again.</summary>
    private static readonly TimeSpan UseGrain = TimeSpan.FromMinutes(1);

    private readonly string _path;
    private readonly long _maxEntries;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private readonly LinkedList<Entry> _byUse = [];
    private readonly Dictionary<string, LinkedListNode<Entry>> _index = [];
    private long _temp;

    private ActionCacheStore(string path, long maxEntries, TimeProvider time) => (_path, _maxEntries, _time) = (path, maxEntries, time);

    /// <summary>Entries held.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
                return _byUse.Count;
        }
    }

    private string TempPath => Path.Combine(_path, ".tmp");

    /// <summary>Opens or creates the cache; entries of an earlier run are there again, in the order of their last use.</summary>
    /// <param name="maxEntries">0 is no limit.</param>
    /// <exception cref="FaultException">Storage: the path cannot be used; says why.</exception>
    public static ActionCacheStore Open(string path, long maxEntries, TimeProvider time)
    {
        var store = new ActionCacheStore(path, maxEntries, time);
        try
        {
            Directory.CreateDirectory(path);
            if (Directory.Exists(store.TempPath))
                Directory.Delete(store.TempPath, recursive: true);
            Directory.CreateDirectory(store.TempPath);
            store.Load();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new FaultException(FaultKind.Storage, $"the action cache's directory '{path}' cannot be used: {error.Message}; choose another or repair it", error);
        }
        return store;
    }

    /// <summary>The entry of an action; null when there is none. Counts as a use.</summary>
    public Reapi.ActionResult? TryGet(in Digest action)
    {
        var key = KeyOf(action);
        lock (_lock)
        {
            if (!_index.ContainsKey(key))
                return null;
        }
        if (Read(PathOf(key)) is { } result)
        {
            Touch(key);
            return result;
        }
        Remove(key);
        return null;
    }

    /// <summary>Writes or replaces the entry of an action; it is whole on disk when this returns.</summary>
    /// <exception cref="FaultException">Storage: the disk refused it.</exception>
    public void Put(in Digest action, Reapi.ActionResult result)
    {
        var (key, message) = (KeyOf(action), result.ToByteArray());
        var temp = Path.Combine(TempPath, Interlocked.Increment(ref _temp).ToString(CultureInfo.InvariantCulture));
        try
        {
            using (var file = File.OpenHandle(temp, FileMode.Create, FileAccess.Write))
            {
                RandomAccess.Write(file, SHA256.HashData(message), 0);
                RandomAccess.Write(file, message, SHA256.HashSizeInBytes);
            }
            Directory.CreateDirectory(Path.GetDirectoryName(PathOf(key))!);
            File.Move(temp, PathOf(key), overwrite: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new FaultException(FaultKind.Storage, $"the action cache entry of {action} cannot be written below '{_path}': {error.Message}", error);
        }
        Note(key);
    }

    private static string KeyOf(in Digest action) => string.Create(CultureInfo.InvariantCulture, $"{action.Hash}-{action.SizeBytes}");

    private string PathOf(string key) => Path.Combine(_path, key[..2], key);

    private void Load()
    {
        var files = new DirectoryInfo(_path).EnumerateDirectories("??").SelectMany(below => below.EnumerateFiles());
        foreach (var file in files.Where(file => file.Name.Length > Digest.HashLength * 2).OrderBy(file => file.LastWriteTimeUtc))
            _index[file.Name] = _byUse.AddLast(new Entry(file.Name, new DateTimeOffset(file.LastWriteTimeUtc)));
        EvictBeyondLimit();
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
            return hash.SequenceEqual(bytes.AsSpan(0, SHA256.HashSizeInBytes)) ? Reapi.ActionResult.Parser.ParseFrom(message) : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or InvalidProtocolBufferException)
        {
            return null;
        }
    }

    private void Note(string key)
    {
        lock (_lock)
        {
            if (_index.Remove(key, out var known))
                _byUse.Remove(known);
            _index[key] = _byUse.AddLast(new Entry(key, _time.GetUtcNow()));
            EvictBeyondLimit();
        }
    }

    private void Touch(string key)
    {
        lock (_lock)
        {
            if (!_index.TryGetValue(key, out var node))
                return;
            _byUse.Remove(node);
            _byUse.AddLast(node);
            var now = _time.GetUtcNow();
            if (now - node.Value.UseOnDisk < UseGrain)
                return;
            node.Value = node.Value with { UseOnDisk = now };
        }
        try
        {
            File.SetLastWriteTimeUtc(PathOf(key), _time.GetUtcNow().UtcDateTime);
        }
        catch (IOException)
        {
            // The entry has just been evicted; its age no longer matters.
        }
    }

    private void Remove(string key)
    {
        lock (_lock)
        {
            if (_index.Remove(key, out var node))
                _byUse.Remove(node);
            File.Delete(PathOf(key));
        }
    }

    private void EvictBeyondLimit()
    {
        while (_maxEntries > 0 && _byUse.Count > _maxEntries)
            Remove(_byUse.First!.Value.Key);
    }

    private sealed record Entry(string Key, DateTimeOffset UseOnDisk);
}
