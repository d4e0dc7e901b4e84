using System.Globalization;
using NativeLink.Actors.Storage.DirectoryCache;

namespace NativeLink.Actors.Storage.Materialisers;

/// <summary>
/// An overlay's upper directory and its work directory:
/// <c>u</c> and <c>w</c> in a directory of its own.
/// </summary>
/// <param name="Overflows"><see cref="UpperDirectories"/>'s count of them when it was made.</param>
internal readonly record struct UpperDirectory(string Path, bool InMemory, long Overflows);

/// <summary>
/// The upper directories of overlays, where what actions write goes while they run: on a tmpfs of
/// our own while it is within its budget and the machine has memory left, else on disk. A layer
/// cannot move while it is in use, so the tmpfs itself is larger than the budget, and grows while
/// the machine has memory to give: what was put there when it was still empty runs into its end
/// only when the machine itself is at its end. A machine with so little memory that one action
/// could fill it has none to give.
/// </summary>
internal sealed class UpperDirectories : IDisposable
{
    private const int DirectoryMode = 0x1ED;

    // Free below this part of the tmpfs counts as full: whoever was denied something has often
    // removed the rest of it already.
    private const int FullDivisor = 32;
    private const long LeastMemory = 4L << 30;

    // The tmpfs grows when less than this part of it is free.
    private const int GrowDivisor = 4;
    private const ulong NoSetIdNoDevices = Libc.MountNoSetId | Libc.MountNoDevices;

    // The tmpfs is looked at before it could have been filled: no machine writes faster than this.
    private const long MostBytesAMillisecond = 16 << 20;
    private const long CheckOftenest = 2, CheckRarest = 250;

    private readonly string _memory;
    private readonly long _budget;
    private readonly DeletionQueue _deletions;
    private readonly AvailableMemory _left;
    private readonly long _most;
    private readonly AutoResetEvent _wake = new(false);
    private readonly Thread _watcher;
    private long _next;
    private long _overflows;
    private int _uppersInMemory;
    private int _watching;
    private volatile bool _ended;
    private int _disposed;

    private UpperDirectories(DirectoryCacheSettings settings, long budget, string description)
    {
        (_memory, Disk, _budget, Description) = (Path.Combine(settings.UpperDirectoryRoot, "memory"),
            Path.Combine(settings.UpperDirectoryRoot, "disk"), budget, description);
        _left = new AvailableMemory(settings.AvailableMemory);
        _most = settings.ScratchMemoryLimit ?? AvailableMemory.OfMachine - AvailableMemory.Reserve;
        Directory.CreateDirectory(Disk);
        _deletions = new DeletionQueue(Path.Combine(settings.UpperDirectoryRoot, "trash"), settings.OnWarning);
        // A thread of its own: a busy thread pool would look too late.
        _watcher = new Thread(WatchMemory) { IsBackground = true, Name = "scratch" };
        if (budget > 0)
            _watcher.Start();
    }

    public string Description { get; }

    /// <summary>Null when everything goes to disk.</summary>
    public string? Memory => _budget > 0 ? _memory : null;

    public string Disk { get; }

    /// <summary>Bytes of memory in use, without walking.</summary>
    public long MemoryBytes => _budget > 0 && Libc.FilesystemUse(_memory, out var use) == 0 ? use.UsedBytes : 0;

    /// <summary>Whether the next upper directory should be in memory.</summary>
    public bool PrefersMemory => _budget > 0 && MemoryBytes < _budget && !_left.IsLow;

    public int Backlog => _deletions.Backlog;

    public Task Idle => _deletions.Idle;

    public static UpperDirectories Open(DirectoryCacheSettings settings)
    {
        var path = settings.UpperDirectoryRoot;
        Directory.CreateDirectory(path);
        if (OwnMounts.UnmountBelow(path) is { } foreign)
            throw new FaultException(FaultKind.Worker,
                $"scratch directory {path} holds a mount that no worker made, {foreign.MountPoint}; unmount it");
        foreach (var old in (string[])["memory", "disk"])
            TreeDeleter.Delete(Path.Combine(path, old));
        var memory = Path.Combine(path, "memory");
        var machine = settings.MachineMemory ?? AvailableMemory.OfMachine;
        var budget = settings.ScratchMemoryBytes ?? (machine < LeastMemory ? 0 : machine / 4);
        if (budget <= 0)
            return new UpperDirectories(settings, 0, settings.ScratchMemoryBytes is null
                ? string.Create(CultureInfo.InvariantCulture,
                    $"what actions write goes to disk, because {machine >> 20} MiB of memory are too few to hold it")
                : "what actions write goes to disk, as configured");
        Directory.CreateDirectory(memory);
        var size = settings.ScratchMemoryStart ?? settings.ScratchMemoryLimit ?? Math.Max(budget * 2, machine / 2);
        var options = string.Create(CultureInfo.InvariantCulture, $"size={size},mode=0755");
        if (Libc.Mount(OwnMounts.Source, memory, "tmpfs", NoSetIdNoDevices, options) != 0)
            return new UpperDirectories(settings, 0,
                $"what actions write goes to disk, because a tmpfs cannot be mounted: {Errno.Text(Errno.Last)}");
        return new UpperDirectories(settings, budget, string.Create(CultureInfo.InvariantCulture,
            $"what actions write goes to memory up to {budget >> 20} MiB in all, then to disk"));
    }

    /// <summary>A new upper directory, or null and an errno.</summary>
    public UpperDirectory? TryCreate(bool inMemory, out int errno)
    {
        errno = 0;
        var path = Path.Combine(inMemory ? _memory : Disk,
            Interlocked.Increment(ref _next).ToString(CultureInfo.InvariantCulture));
        if (Libc.MakeDirectoryAt(Libc.AtFdCwd, path, DirectoryMode) != 0
            || Libc.MakeDirectoryAt(Libc.AtFdCwd, path + "/u", DirectoryMode) != 0
            || Libc.MakeDirectoryAt(Libc.AtFdCwd, path + "/w", DirectoryMode) != 0)
        {
            errno = Errno.Last;
            Discard(path);
            return null;
        }
        if (Umask.Cuts(DirectoryMode))
            _ = Libc.ChangeModeAt(Libc.AtFdCwd, path + "/u", DirectoryMode, 0);
        // The root of an overlay shows the attributes of its upper layer.
        _ = InputTime.SetAt(Libc.AtFdCwd, path + "/u");
        var upper = new UpperDirectory(path, inMemory, Interlocked.Read(ref _overflows));
        if (inMemory)
            Watch();
        return upper;
    }

    /// <summary>Lets an upper directory be deleted in the background.</summary>
    public void Discard(in UpperDirectory upper)
    {
        if (upper.InMemory)
            Interlocked.Decrement(ref _uppersInMemory);
        Discard(upper.Path);
    }

    /// <summary>Lets a tree be deleted in the background; its name is free at once.</summary>
    public void Discard(string path) => _deletions.Enqueue(path);

    /// <summary>Completes when what waits to be deleted is within its bound.</summary>
    public Task ThrottleAsync() => _deletions.ThrottleAsync();

    /// <summary>Whether the tmpfs of an upper directory is full or has been since it was made.</summary>
    public bool HasOverflowed(in UpperDirectory upper) =>
        upper.InMemory && (IsFull() || Interlocked.Read(ref _overflows) > upper.Overflows);

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        _deletions.Dispose();
        if (_budget > 0)
        {
            _ended = true;
            _wake.Set();
            _watcher.Join();
            OverlayMounts.Unmount(_memory);
        }
        _wake.Dispose();
    }

    private bool IsFull() => Libc.FilesystemUse(_memory, out var use) == 0 && IsFull(use);

    private static bool IsFull(in StatvfsBuffer use) => use.Free < Math.Max(1, use.Blocks / FullDivisor);

    private void Watch()
    {
        Interlocked.Increment(ref _uppersInMemory);
        if (Interlocked.Exchange(ref _watching, 1) == 0)
            _wake.Set();
    }

    /// <summary>
    /// Looks while there is anything to look for, so that an
    /// idle worker sleeps; the less space is free, the sooner.
    /// </summary>
    private void WatchMemory()
    {
        while (!_ended)
        {
            if (Volatile.Read(ref _uppersInMemory) > 0)
            {
                _wake.WaitOne((int)Math.Clamp(CheckMemory() / MostBytesAMillisecond, CheckOftenest, CheckRarest));
                continue;
            }
            Interlocked.Exchange(ref _watching, 0);
            if (Volatile.Read(ref _uppersInMemory) == 0)
                _wake.WaitOne();
            else
                Interlocked.Exchange(ref _watching, 1);
        }
    }

    /// <summary>The bytes that are free.</summary>
    private long CheckMemory()
    {
        if (Libc.FilesystemUse(_memory, out var use) != 0)
            return 0;
        if (IsFull(use))
            Interlocked.Increment(ref _overflows);
        if (use.Free < use.Blocks / GrowDivisor)
            Grow(use);
        return use.FreeBytes;
    }

    /// <summary>Lets the tmpfs take whatever the machine has left but for the reserve.</summary>
    private void Grow(in StatvfsBuffer use)
    {
        // Without a descriptor the kernel cannot be asked, and in a container it speaks of the whole machine.
        if (_left.Available is not { } available)
            return;
        var size = Math.Min(_most, use.UsedBytes + available - AvailableMemory.Reserve);
        if (size > use.UsedBytes + use.FreeBytes)
            _ = Libc.Mount(OwnMounts.Source, _memory, "tmpfs", Libc.MountRemount | NoSetIdNoDevices,
                string.Create(CultureInfo.InvariantCulture, $"size={size}"));
    }
}
