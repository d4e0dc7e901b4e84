using Grpc.Core;
using Microsoft.Win32.SafeHandles;
using NativeLink.Actors.Storage.Hashing;
using NativeLink.Actors.Storage.Native;

namespace NativeLink.Actors.Storage.Filesystem;

/// <summary>
/// Blobs on this disk by digest: written to a temporary file, hashed, renamed into place; least recently used ones go first, leased ones never.
/// All members may be called from any thread; they block on the disk. Several processes may have the same store open.
/// </summary>
/// <remarks>
/// Nothing is fsynced: the store is a cache, and a rename is atomic whatever happens to the process. What a power cut can leave behind, a file
/// that is short or whose last seconds of writing are zeros, is found when the store is opened: sizes are compared, and after a restart of the
/// machine the blobs of its last minutes are hashed again (<see cref="StoreScan"/>).
/// Leases hold against other processes too (<see cref="LeaseBoard"/>); should one find a leased blob gone all the same, because its disk was too full
/// to tell of the lease, whoever builds a tree fetches it again. What one process quarantines the others find by their own checks.
/// </remarks>
public sealed class ContentStore : IDisposable
{
    private static readonly TimeSpan PersistUseAfter = TimeSpan.FromMinutes(10);

    // Other processes spare what was used within the last minute, as far as they can see it.
    private static readonly TimeSpan PersistUseForOthersAfter = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private readonly BlobIndex _index = new();
    private readonly ContentStoreOptions _options;
    private readonly TimeProvider _time;
    private readonly StorePaths _paths;
    private readonly TempFiles _temps;
    private readonly ProcessPresence _presence;
    private readonly LeaseBoard _board;
    private readonly StoreEviction _eviction;
    private readonly StoreLeases _leases;
    private readonly BlobLinks _links;
    private readonly StoreQuarantine _quarantine;

    private ContentStore(ContentStoreOptions options, TimeProvider time)
    {
        (_options, _time) = (options, time);
        _paths = new StorePaths(options);
        _temps = new TempFiles(options.TempPath);
        var users = _paths.UsersDirectory;
        _presence = ProcessPresence.Register(users, dead => _ = Libc.UnlinkAt(Libc.AtFdCwd, LeaseBoard.FileOf(users, dead), 0));
        _board = new LeaseBoard(users, _presence);
        _eviction = new StoreEviction(_gate, _index, options, time, _paths, _temps, _presence, _board);
        _leases = new StoreLeases(_gate, _index, _board, _paths, time, _eviction.Run);
        Room = new DiskRoom(_eviction, _paths);
        _links = new BlobLinks(this, _paths, _temps);
        _quarantine = new StoreQuarantine(_paths, _index, _gate, options, time);
    }

    /// <summary>Raised after a blob, or its executable twin, was found corrupt and taken out; on the thread that found it.</summary>
    public event Action<Digest>? Quarantined;

    /// <summary>What was found corrupt before anybody could hear of it: when the store was opened.</summary>
    public IReadOnlyList<Digest> QuarantinedAtOpen { get; private set; } = [];

    /// <summary>Bytes (in whole blocks, executable twins included) and number of blobs held.</summary>
    public (long Bytes, long Count) Usage
    {
        get
        {
            lock (_gate)
                return (_index.Bytes, _index.Count);
        }
    }

    /// <summary>Opens or creates the store; blobs of an earlier run are there again without being hashed.</summary>
    /// <exception cref="FaultException">A path cannot be used; says which and why.</exception>
    public static ContentStore Open(ContentStoreOptions options, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(time);
        var store = new ContentStore(options, time);
        try
        {
            store.QuarantinedAtOpen = new StoreScan(store._paths, store._index, store._quarantine, options, time).Run();
            store._eviction.Run();
            return store;
        }
        catch
        {
            store.Dispose();
            throw;
        }
    }

    /// <summary>The digests held, in no order. Those of an earlier run are given as sha256: file names carry no function.</summary>
    public IReadOnlyList<Digest> Digests
    {
        get
        {
            lock (_gate)
                return [.. _index.Digests];
        }
    }

    /// <summary>Whether the blob is here; counts as a use. The empty blob always is. A blob that is known costs no system call.</summary>
    public bool Contains(in Digest digest) => digest.IsEmpty || Use(digest, lease: false) is not null;

    /// <summary>Keeps a blob from eviction until the lease is disposed. Null when the blob is not here.</summary>
    public IDisposable? TryLease(in Digest digest)
    {
        if (digest.IsEmpty)
            return _leases.Handle([]);
        return Use(digest, lease: true) is { } entry ? _leases.Handle([entry]) : null;
    }

    /// <summary>Leases all of the blobs that are here, under one lease, and says which are not.</summary>
    public IDisposable LeaseAll(IReadOnlyCollection<Digest> digests, out IReadOnlyList<Digest> missing)
    {
        var held = new List<BlobEntry>(digests.Count);
        List<Digest>? absent = null;
        foreach (var digest in digests)
        {
            if (digest.IsEmpty)
                continue;
            if (Use(digest, lease: true) is { } entry)
                held.Add(entry);
            else
                (absent ??= []).Add(digest);
        }
        missing = absent ?? (IReadOnlyList<Digest>)[];
        return _leases.Handle(held);
    }

    /// <summary>Opens a blob for reading; null when it is not here. The handle stays good after eviction. Not for the empty blob.</summary>
    /// <exception cref="FaultException">Storage: the file is there and cannot be opened.</exception>
    public SafeFileHandle? TryOpenRead(in Digest digest)
    {
        if (digest.IsEmpty || Use(digest, lease: false) is null)
            return null;
        var descriptor = OpenBlob(digest);
        return descriptor < 0 ? null : new SafeFileHandle(descriptor, ownsHandle: true);
    }

    /// <summary>Stores bytes that are in memory as a whole. Nothing is written when the blob is here already; the bytes are checked all the same.</summary>
    /// <exception cref="FaultException">Storage: the bytes are not those of the digest (DATA_LOSS), or the disk is full (RESOURCE_EXHAUSTED).</exception>
    public void Put(in Digest digest, ReadOnlySpan<byte> content) => Put(digest, content, lease: false);

    /// <summary>As <see cref="Put(in Digest, ReadOnlySpan{byte})"/>, and leased before anybody can evict it.</summary>
    /// <inheritdoc cref="Put(in Digest, ReadOnlySpan{byte})"/>
    public IDisposable PutLeased(in Digest digest, ReadOnlySpan<byte> content) => Put(digest, content, lease: true)!;

    /// <summary>Starts to write a blob. Disposing the writer without <see cref="BlobWriter.Commit"/> leaves nothing behind.</summary>
    /// <exception cref="FaultException">Storage: no file can be made.</exception>
    public BlobWriter BeginWrite(in Digest digest) => new(this, digest, _temps.NewPath());

    /// <summary>
    /// Takes a finished file into the store under its digest: by rename where the file system allows it and the file has no other name, else by
    /// copy. The caller has hashed it and nobody writes to it any more. Afterwards nothing is left at <paramref name="path"/>; the mode is 0444.
    /// </summary>
    /// <exception cref="FaultException">Storage: the file is gone or has another size (DATA_LOSS), or the disk refused it.</exception>
    public void Adopt(string path, in Digest digest) => _links.Adopt(path, digest);

    /// <summary>
    /// Takes a copy of a finished file into the store under its digest, in the kernel where it can do so, holes as holes. The caller has hashed it and nobody
    /// writes to it any more: it is not hashed again.
    /// </summary>
    /// <exception cref="FaultException">Storage: the file has another size (DATA_LOSS), or the disk refused it.</exception>
    public void CopyFrom(SafeFileHandle file, in Digest digest) => _links.CopyFrom(file, digest);

    /// <summary>
    /// Makes the blob appear at <paramref name="path"/> as a link to the store's own inode (mode 0444, or 0555 for the executable twin), falling back
    /// to a copy where links cannot be made (EXDEV) and to a second inode where there are too many (EMLINK). False when the blob is not here.
    /// </summary>
    /// <exception cref="FaultException">Storage: the disk refused it; FAILED_PRECONDITION when the directory of twins cannot be used.</exception>
    public bool TryLinkTo(in Digest digest, bool executable, string path) => _links.TryLinkAt(digest, executable, Libc.AtFdCwd, path);

    /// <summary>Makes a private copy of the blob (a reflink where possible). False when the blob is not here.</summary>
    /// <exception cref="FaultException">Storage: the disk refused it.</exception>
    public bool TryCopyTo(in Digest digest, string path, UnixFileMode mode) => _links.TryCopyAt(digest, Libc.AtFdCwd, path, (uint)mode, out _);

    /// <summary>Removes a blob and its twin, leased or not. False when it was not here.</summary>
    public bool Delete(in Digest digest)
    {
        var known = Forget(digest);
        _ = Libc.UnlinkAt(Libc.AtFdCwd, _paths.TwinPath(digest), 0);
        return Libc.UnlinkAt(Libc.AtFdCwd, _paths.BlobPath(digest), 0) == 0 || known;
    }

    /// <summary>Takes a blob that was found corrupt out of the store, keeps its file beside the store (the newest 16) and says why.</summary>
    public void Quarantine(in Digest digest, string reason)
    {
        _quarantine.TakeBlob(digest, reason);
        Quarantined?.Invoke(digest);
    }

    /// <summary>Hashes a blob and its executable twin again. False when one was corrupt, and then it is quarantined; true when they are sound or not here.</summary>
    public bool Verify(in Digest digest)
    {
        if (digest.IsEmpty)
            return true;
        if (BlobProof.WhyWrong(_paths.BlobPath(digest), digest) is { } wrong)
            Quarantine(digest, wrong);
        else if (HasTwin(digest) && BlobProof.WhyWrong(_paths.TwinPath(digest), digest) is { } wrongTwin)
            QuarantineTwin(digest, wrongTwin);
        else
            return true;
        return false;
    }

    /// <summary>Any blob, as sha256; null when there are none.</summary>
    internal Digest? PickAny(Random random)
    {
        lock (_gate)
            return _index.Draw(random)?.Key;
    }

    internal void QuarantineTwin(in Digest digest, string reason)
    {
        _quarantine.TakeTwin(digest, reason);
        Quarantined?.Invoke(digest);
    }

    /// <summary>Hashes a number of randomly chosen blobs again and quarantines the corrupt ones; answers how many those were.</summary>
    public int VerifySample(int count, Random random)
    {
        var corrupt = 0;
        for (var i = 0; i < count && PickAny(random) is { } digest; i++)
            corrupt += Verify(digest) ? 0 : 1;
        return corrupt;
    }

    /// <summary>Null when the store's directories are there and can be written; else what is wrong.</summary>
    public Fault? CheckHealth()
    {
        if (!Directory.Exists(_paths.BlobDirectory))
            return new Fault(FaultKind.Storage, $"content_path: {_paths.BlobDirectory} is not a directory any more");
        var probe = _temps.NewPath();
        try
        {
            CreateTemp(probe, 0).Dispose();
            _ = Libc.UnlinkAt(Libc.AtFdCwd, probe, 0);
            return null;
        }
        catch (FaultException error)
        {
            return error.Fault;
        }
    }

    public void Dispose()
    {
        lock (_gate)
            _board.Dispose();
        _presence.Dispose();
        _temps.Dispose();
        _paths.Dispose();
    }

    internal string BlobDirectory => _paths.BlobDirectory;

    /// <summary>Whom to ask for room on a full disk.</summary>
    internal DiskRoom Room { get; }

    /// <summary>Links for trees: as <see cref="TryLinkTo"/>, relative to an open directory.</summary>
    internal BlobLinks Links => _links;

    internal TempFile CreateTemp(string path, long size) => TempFile.Create(path, size, Room, _options.EvictPageCache);

    internal void Warn(string text) => _options.OnWarning?.Invoke(text);

    /// <summary>Renames a finished temporary file to its blob's name.</summary>
    internal IDisposable? Place(string temp, in Digest digest, bool lease)
    {
        var key = BlobIndex.KeyOf(digest);
        BlobEntry? entry;
        lock (_gate)
        {
            if (lease)
                _leases.Announce(key);
            if (Libc.RenameAt(Libc.AtFdCwd, temp, _paths.BlobDescriptor, StorePaths.NameOf(key)) != 0)
            {
                var errno = Errno.Last;
                if (lease)
                    _leases.Retract(key);
                throw Errno.Fault($"blob {digest} cannot be put into {_paths.BlobDirectory}", errno);
            }
            var now = _time.GetUtcNow();
            entry = _index.Find(key) ?? _index.Add(key, _eviction.Account(key.SizeBytes), now);
            entry.PersistedUse = now;
            _index.Touch(entry, now);
            if (lease)
                _leases.BeginAnnounced(entry);
        }
        _eviction.Run();
        return lease ? _leases.Handle([entry]) : null;
    }

    internal bool Forget(in Digest digest)
    {
        lock (_gate)
        {
            if (_index.Find(BlobIndex.KeyOf(digest)) is not { } entry)
                return false;
            _index.Remove(entry);
            return true;
        }
    }

    internal void AccountTwin(in Digest digest)
    {
        lock (_gate)
        {
            if (_index.Find(BlobIndex.KeyOf(digest)) is { } entry)
                _index.AddTwin(entry, _eviction.Account(digest.SizeBytes));
        }
    }

    internal bool HasTwin(in Digest digest)
    {
        lock (_gate)
            return _index.Find(BlobIndex.KeyOf(digest)) is { TwinBytes: > 0 };
    }

    /// <summary>Opens the blob's file; -1 when it has vanished behind our back, and then it is forgotten.</summary>
    internal int OpenBlob(in Digest digest)
    {
        for (var attempt = 0; ; attempt++)
        {
            var descriptor = Libc.OpenAt(_paths.BlobDescriptor, StorePaths.NameOf(digest), Libc.ReadOnly | Libc.CloseOnExec | Libc.NoFollow, 0);
            if (descriptor >= 0)
                return descriptor;
            if (Errno.Last != Errno.NotFound)
                throw Errno.LastFault($"blob {_paths.BlobPath(digest)} cannot be opened");
            if (attempt > 0 || !HasWaitedForOthers())
                break;
        }
        // Where other processes evict too, that is as it should be.
        if (Forget(digest) && !_presence.HasOthers)
            Warn($"blob {digest} of {_options.ContentPath} was removed by somebody else; it is forgotten");
        return -1;
    }

    /// <summary>
    /// Waits until no other process is evicting: a blob that it took away and found leased is back by then. False, at once, when there are no others.
    /// </summary>
    internal bool HasWaitedForOthers()
    {
        if (!_presence.HasOthers)
            return false;
        DirectoryLock.Wait(_paths.EvictionLock).Dispose();
        return true;
    }

    private IDisposable? Put(in Digest digest, ReadOnlySpan<byte> content, bool lease)
    {
        var actual = BlobHasher.Compute(content, digest.Function);
        if (actual != digest)
            throw new FaultException(new Fault(FaultKind.Storage, $"the bytes for blob {digest} hash to {actual}") { Code = StatusCode.DataLoss });
        if (digest.IsEmpty)
            return lease ? _leases.Handle([]) : null;
        if (Use(digest, lease) is { } entry)
            return lease ? _leases.Handle([entry]) : null;
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

    /// <summary>Finds a blob in memory, or on disk when another process has put it there; marks the use and, if wanted, leases it.</summary>
    private BlobEntry? Use(in Digest digest, bool lease)
    {
        var key = BlobIndex.KeyOf(digest);
        var now = _time.GetUtcNow();
        BlobEntry? entry;
        lock (_gate)
        {
            entry = _index.Find(key) ?? FindOnDisk(key, now);
            if (entry is null)
                return null;
            _index.Touch(entry, now);
            if (lease && !_leases.TryBegin(entry))
                return null;
            if (now - entry.PersistedUse < (_board.HasReaders ? PersistUseForOthersAfter : PersistUseAfter))
                return entry;
            entry.PersistedUse = now;
        }
        StoreScan.PersistUse(_paths, key, now);
        return entry;
    }

    private BlobEntry? FindOnDisk(in Digest key, DateTimeOffset now) => _paths.Has(key) ? _index.Add(key, _eviction.Account(key.SizeBytes), now) : null;
}
