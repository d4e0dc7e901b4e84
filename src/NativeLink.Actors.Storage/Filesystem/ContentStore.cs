using Microsoft.Win32.SafeHandles;
using NativeLink.Actors.Storage.Filesystem.Eviction;
using NativeLink.Actors.Storage.Filesystem.Index;
using NativeLink.Actors.Storage.Filesystem.Layout;
using NativeLink.Actors.Storage.Filesystem.Leases;
using NativeLink.Actors.Storage.Filesystem.Verification;

namespace NativeLink.Actors.Storage.Filesystem;

/// <summary>
/// Blobs on this disk by digest: written to a temporary file, hashed, renamed into place; least
/// recently used ones go first, leased ones never. All members may be called from any thread; they
/// block on the disk. Several processes may have the same store open.
/// </summary>
/// <remarks>
/// Nothing is fsynced: the store is a cache, and a rename is atomic whatever happens to the
/// process. What a power cut can leave behind, a file that is short or whose last seconds of
/// writing are zeros, is found before it is used: sizes are compared when the store is opened, and
/// after a restart of the machine the blobs of its last minutes are hashed again
/// (<see cref="StoreScan"/>, <see cref="UnverifiedBlobs"/>). Leases hold against other processes
/// too (<see cref="LeaseBoard"/>); should one find a leased blob gone all the same, because its
/// disk was too full to tell of the lease, whoever builds a tree fetches it again. What one process
/// quarantines the others find by their own checks.
/// </remarks>
internal sealed partial class ContentStore : ILocalStore, IDisposable
{
    private const int Format = 1;

    private readonly Lock _gate = new();
    private readonly BlobIndex _index;
    private readonly ContentStoreOptions _options;
    private readonly TimeProvider _time;
    private readonly StorePaths _paths;
    private readonly TempFiles _temps;
    private readonly ProcessPresence _presence;
    private readonly LeaseBoard _leaseBoard;
    private readonly StoreEviction _eviction;
    private readonly StoreLeases _leases;
    private readonly BlobLinks _links;
    private readonly StoreQuarantine _quarantine;
    private readonly UnverifiedBlobs _unverified;

    private ContentStore(ContentStoreOptions options, TimeProvider time)
    {
        (_options, _time) = (options, time);
        _index = new BlobIndex(options.BlockSize, options.VouchedFor);
        _paths = new StorePaths(options);
        StoreFormat.Check(_paths.FormatStamp, Format, $"content_path {options.ContentPath}");
        _temps = new TempFiles(options.TempPath);
        var users = _paths.UsersDirectory;
        _presence = ProcessPresence.Register(
            users, dead => _ = Libc.UnlinkAt(Libc.AtFdCwd, LeaseBoard.FileOf(users, dead), 0));
        _leaseBoard = new LeaseBoard(users, _presence);
        _eviction = new StoreEviction(_gate, _index, options, time, _paths, _temps, _presence, _leaseBoard);
        _leases = new StoreLeases(_gate, _index, _leaseBoard, _presence, _paths, time, () => _eviction.TryRun());
        Space = new DiskSpace(_eviction, _paths);
        _links = new BlobLinks(this, _paths, _temps);
        _quarantine = new StoreQuarantine(_paths, _index, _gate, options, time);
        _unverified = new UnverifiedBlobs(_paths, _gate, digest => Verify(digest));
    }

    /// <summary>
    /// The largest blob that the limits let in: the store could not hold a larger one even if it
    /// were alone; 0 is no limit.
    /// </summary>
    public long LargestBlobBytes => MostBytes > 0 ? Math.Min(MostBytes, Space.Capacity) : 0;

    /// <summary>The largest blob that the limits and the file system let in.</summary>
    public long LargestThatFits => LargestBlobBytes is > 0 and var limit ? limit : Space.Capacity;

    /// <summary>
    /// Raised after a blob, or its executable copy, was found
    /// corrupt and taken out; on the thread that found it.
    /// </summary>
    public event Action<Digest>? Quarantined;

    /// <summary>What was found corrupt before anybody could hear of it: when the store was opened.</summary>
    public IReadOnlyList<Digest> QuarantinedAtOpen { get; private set; } = [];

    /// <summary>Bytes (in whole blocks, executable copies included) and number of blobs held.</summary>
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
            store.QuarantinedAtOpen = new StoreScan(store._paths, store._index, store._quarantine, store._unverified,
                options, time).Run();
            store._eviction.Run();
            return store;
        }
        catch
        {
            store.Dispose();
            throw;
        }
    }

    /// <summary>
    /// The digests held, in no order. Those of an earlier run
    /// are given as sha256: file names carry no function.
    /// </summary>
    public IReadOnlyList<Digest> Digests
    {
        get
        {
            lock (_gate)
                return [.. _index.Digests];
        }
    }

    /// <summary>
    /// Opens a blob for reading; null when it is not here. The
    /// handle stays good after eviction. Not for the empty blob.
    /// </summary>
    /// <exception cref="FaultException">Storage: the file is there and cannot be opened.</exception>
    public SafeFileHandle? TryOpenRead(in Digest digest)
    {
        if (digest.IsEmpty || Use(digest, lease: false, vouch: false) is null)
            return null;
        var descriptor = OpenBlob(digest);
        return descriptor < 0 ? null : new SafeFileHandle(descriptor, ownsHandle: true);
    }

    /// <summary>
    /// Stores bytes that are in memory as a whole. Nothing is written when the blob is here
    /// already; the bytes are checked all the same.
    /// </summary>
    /// <exception cref="FaultException">Storage: the bytes are not those of the digest (DATA_LOSS),
    /// or the disk is full (RESOURCE_EXHAUSTED).</exception>
    public void Put(in Digest digest, ReadOnlySpan<byte> content) => Put(digest, content, lease: false);

    /// <summary>As <see cref="Put(in Digest, ReadOnlySpan{byte})"/>, and leased before anybody can evict it.</summary>
    /// <inheritdoc cref="Put(in Digest, ReadOnlySpan{byte})"/>
    public IDisposable PutLeased(in Digest digest, ReadOnlySpan<byte> content) => Put(digest, content, lease: true)!;

    /// <summary>
    /// Starts to write a blob. Disposing the writer without
    /// <see cref="BlobWriter.Commit"/> leaves nothing behind.
    /// </summary>
    /// <exception cref="FaultException">Storage: no file can be made; RESOURCE_EXHAUSTED for one
    /// that can never fit, for which nothing is evicted.</exception>
    public BlobWriter BeginWrite(in Digest digest) => new(this, digest, _temps.NewPath());

    IBlobWriter ILocalStore.BeginWrite(in Digest digest) => BeginWrite(digest);

    /// <summary>
    /// Takes a finished file into the store under its digest: by rename where the file system
    /// allows it, the file has no other name and nobody has it open for writing, else by copy;
    /// hashed in either case. Afterwards nothing is left at <paramref name="path"/>; the mode is
    /// 0444.
    /// </summary>
    /// <exception cref="FaultException">Storage: the file is gone or is not the blob (DATA_LOSS),
    /// or the disk refused it.</exception>
    public void Adopt(string path, in Digest digest) => _links.Adopt(path, digest);

    /// <summary>
    /// Takes a copy of a finished file into the store under its digest, in
    /// the kernel where it can do so, holes as holes. It is the copy that
    /// is hashed: who still writes to the file changes nothing of it.
    /// </summary>
    /// <exception cref="FaultException">Storage: the copy is not
    /// the blob (DATA_LOSS), or the disk refused it.</exception>
    public void CopyFrom(SafeFileHandle file, in Digest digest) => _links.CopyFrom(file, digest);

    /// <summary>
    /// Makes the blob appear at <paramref name="path"/> as a link to the store's own inode (mode
    /// 0444, or 0555 for the executable copy), falling back to a copy where links cannot be made
    /// (EXDEV) and to a second inode where there are too many (EMLINK). False when the blob is not
    /// here.
    /// </summary>
    /// <exception cref="FaultException">Storage: the disk refused it; FAILED_PRECONDITION when the
    /// directory of executable copies cannot be used.</exception>
    public bool TryLinkTo(in Digest digest, bool executable, string path)
    {
        _unverified.EnsureVerified(digest);
        return _links.TryLinkAt(digest, executable, Libc.AtFdCwd, path);
    }

    /// <summary>Makes a private copy of the blob (a reflink where possible). False when the blob is not here.</summary>
    /// <exception cref="FaultException">Storage: the disk refused it.</exception>
    public bool TryCopyTo(in Digest digest, string path, UnixFileMode mode)
    {
        _unverified.EnsureVerified(digest);
        return _links.TryCopyAt(digest, Libc.AtFdCwd, path, (uint)mode, out _);
    }

    /// <summary>Removes a blob and its executable copy, leased or not. False when it was not here.</summary>
    public bool Delete(in Digest digest)
    {
        var known = Forget(digest);
        _ = Libc.UnlinkAt(Libc.AtFdCwd, _paths.ExecutableCopyPath(digest), 0);
        return Libc.UnlinkAt(Libc.AtFdCwd, _paths.BlobPath(digest), 0) == 0 || known;
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
            _leaseBoard.Dispose();
        _presence.Dispose();
        _temps.Dispose();
        _paths.Dispose();
    }

    /// <summary>Frees about so many bytes of the store's disk, which is full. False when nothing can go.</summary>
    public bool TryFreeSpace(long bytes) => TryFreeSpace(bytes, BlobDirectory);

    /// <summary>
    /// Frees about so many bytes of the full disk that a path is on, which exists. On the store's disk blobs and trees
    /// are evicted; on any disk what this process is deleting there is waited for, up to two seconds. False when
    /// nothing has gone.
    /// </summary>
    public bool TryFreeSpace(long bytes, string path) => Space.TryFree(bytes, path);

    internal string BlobDirectory => _paths.BlobDirectory;

    /// <summary>Whom to ask for space on a full disk.</summary>
    internal DiskSpace Space { get; }

    /// <summary>Links for trees: as <see cref="TryLinkTo"/>, relative to an open directory.</summary>
    internal BlobLinks Links => _links;

    internal TempFile CreateTemp(string path, long size) => TempFile.Create(path, size, Space, _options.EvictPageCache);

    internal void Warn(string text) => _options.OnWarning?.Invoke(text);

    internal bool Forget(in Digest digest)
    {
        lock (_gate)
        {
            if (_index.Find(BlobIndex.KeyOf(digest)) is not { } entry)
                return false;
            _index.Remove(entry);
        }
        _paths.DeleteOrphanedExecutableCopy(digest);
        return true;
    }

    /// <summary>
    /// False when the blob has gone while its executable
    /// copy was made: the executable copy goes too then.
    /// </summary>
    internal bool AccountExecutableCopy(in Digest digest)
    {
        var key = BlobIndex.KeyOf(digest);
        lock (_gate)
        {
            if ((_index.Find(key) ?? FindOnDisk(key, _time.GetUtcNow())) is { } entry)
            {
                _index.AddExecutableCopy(entry);
                return true;
            }
        }
        _paths.DeleteOrphanedExecutableCopy(digest);
        return false;
    }

    internal bool HasExecutableCopy(in Digest digest)
    {
        lock (_gate)
            return _index.Find(BlobIndex.KeyOf(digest)) is { HasExecutableCopy: true };
    }

    /// <summary>Opens the blob's file; -1 when it has vanished behind our back, and then it is forgotten.</summary>
    internal int OpenBlob(in Digest digest)
    {
        if (digest.SizeBytes == 0)
            return -1;
        for (var attempt = 0; ; attempt++)
        {
            var descriptor = Libc.OpenAt(_paths.BlobDescriptor, StorePaths.NameOf(digest),
                OpenFlags.ReadOnly | OpenFlags.CloseOnExec | OpenFlags.NoFollow, 0);
            if (descriptor >= 0)
                return descriptor;
            if (Errno.Last != Errno.ENOENT)
                throw DiskFault.Last($"blob {_paths.BlobPath(digest)} cannot be opened");
            if (attempt > 0 || !HasWaitedForOthers())
                break;
        }
        // Where other processes evict too, that is as it should be.
        if (Forget(digest) && !_presence.HasOthers)
            Warn($"blob {digest} of {_options.ContentPath} was removed by somebody else; it is forgotten");
        return -1;
    }

    /// <summary>
    /// Waits until no other process is evicting: a blob that it took away and found leased is back
    /// by then. False, at once, when there are no others.
    /// </summary>
    internal bool HasWaitedForOthers()
    {
        if (!_presence.HasOthers)
            return false;
        try
        {
            DirectoryLock.Wait(_paths.EvictionLock, _options.LockPatience).Dispose();
        }
        catch (FaultException error)
        {
            // What is not here then counts as gone, and is fetched again.
            Warn(error.Message);
        }
        return true;
    }
}
