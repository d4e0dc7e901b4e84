using System.Globalization;
using NativeLink.Actors.Storage.Native;

namespace NativeLink.Actors.Storage.Trees;

/// <summary>An overlay's upper layer and its work directory: <c>u</c> and <c>w</c> in a directory of its own.</summary>
/// <param name="Overflows"><see cref="Scratch"/>'s count of them when it was made.</param>
internal readonly record struct Upper(string Path, bool InMemory, long Overflows);

/// <summary>
/// Where what actions write goes while they run: directories on a tmpfs of our own while it is within its budget and the machine has memory left, else
/// on disk. The tmpfs itself is larger than the budget, so that actions which were put there when it was still empty do not run into its end. A machine with so
/// little memory that one action could fill it has none to give: a layer cannot move while it is in use.
/// </summary>
internal sealed class Scratch : IDisposable
{
    private const int DirectoryMode = 0x1ED;

    // Free below this part of the tmpfs counts as full: whoever was denied something has often removed the rest of it already.
    private const int FullDivisor = 32;
    private const long LeastMemory = 4L << 30;

    // The tmpfs is looked at before it could have been filled: no machine writes faster than this.
    private const long MostBytesAMillisecond = 16 << 20;
    private const long LookOftenest = 2, LookRarest = 250;

    private readonly string _memory;
    private readonly long _budget;
    private readonly Reaper _reaper;
    private readonly MemoryLeft _left;
    private readonly ITimer _look;
    private long _next;
    private long _overflows;
    private int _uppersInMemory;
    private int _looking;

    private Scratch(DirectoryCacheSettings settings, long budget, string description, TimeProvider time)
    {
        (_memory, Disk, _budget, Description) = (Path.Combine(settings.Scratch, "memory"), Path.Combine(settings.Scratch, "disk"), budget, description);
        _left = new MemoryLeft(settings.MemoryLeft);
        Directory.CreateDirectory(Disk);
        _reaper = new Reaper(Path.Combine(settings.Scratch, "trash"), settings.OnWarning);
        _look = time.CreateTimer(_ => Look(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public string Description { get; }

    /// <summary>Null when everything goes to disk.</summary>
    public string? Memory => _budget > 0 ? _memory : null;

    public string Disk { get; }

    /// <summary>Bytes of memory in use, without walking.</summary>
    public long MemoryBytes => _budget > 0 && Libc.FilesystemUse(_memory, out var use) == 0 ? use.UsedBytes : 0;

    /// <summary>Whether the next upper layer should be in memory.</summary>
    public bool PrefersMemory => _budget > 0 && MemoryBytes < _budget && !_left.IsLow;

    public int Backlog => _reaper.Backlog;

    public Task Idle => _reaper.Idle;

    public static Scratch Open(DirectoryCacheSettings settings, TimeProvider time)
    {
        var path = settings.Scratch;
        Directory.CreateDirectory(path);
        if (MountTable.UnmountOursBelow(path) is { } foreign)
            throw new FaultException(FaultKind.Worker, $"scratch directory {path} holds a mount that no worker made, {foreign.MountPoint}; unmount it");
        foreach (var old in (string[])["memory", "disk"])
            TreeDeleter.Delete(Path.Combine(path, old));
        var memory = Path.Combine(path, "memory");
        var machine = settings.MachineMemory ?? MemoryLeft.OfMachine;
        var budget = settings.ScratchMemoryBytes ?? (machine < LeastMemory ? 0 : machine / 4);
        if (budget <= 0)
            return new Scratch(settings, 0, settings.ScratchMemoryBytes is null
                ? string.Create(CultureInfo.InvariantCulture, $"what actions write goes to disk, because {machine >> 20} MiB of memory are too few to hold it")
                : "what actions write goes to disk, as configured", time);
        Directory.CreateDirectory(memory);
        var size = Math.Max(budget * 2, machine / 2);
        var options = string.Create(CultureInfo.InvariantCulture, $"size={settings.ScratchMemoryLimit ?? size},mode=0755");
        if (Libc.Mount(MountTable.OurSource, memory, "tmpfs", 6 /* MS_NOSUID | MS_NODEV */, options) != 0)
            return new Scratch(settings, 0, $"what actions write goes to disk, because a tmpfs cannot be mounted: {Errno.Text(Errno.Last)}", time);
        return new Scratch(settings, budget, string.Create(CultureInfo.InvariantCulture, $"what actions write goes to memory up to {budget >> 20} MiB in all, then to disk"), time);
    }

    /// <summary>A new upper layer, or null and an errno.</summary>
    public Upper? TryNewUpper(bool inMemory, out int errno)
    {
        errno = 0;
        var path = Path.Combine(inMemory ? _memory : Disk, Interlocked.Increment(ref _next).ToString(CultureInfo.InvariantCulture));
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
        var upper = new Upper(path, inMemory, Interlocked.Read(ref _overflows));
        if (inMemory)
            Watch();
        return upper;
    }

    /// <summary>Lets an upper layer be deleted in the background.</summary>
    public void Discard(in Upper upper)
    {
        if (upper.InMemory)
            Interlocked.Decrement(ref _uppersInMemory);
        Discard(upper.Path);
    }

    /// <summary>Lets a tree be deleted in the background; its name is free at once.</summary>
    public void Discard(string path) => _reaper.Take(path);

    /// <summary>Completes when what waits to be deleted is within its bound.</summary>
    public Task RoomAsync() => _reaper.RoomAsync();

    /// <summary>Whether the tmpfs of an upper layer is full or has been since it was made.</summary>
    public bool HasOverflowed(in Upper upper) => upper.InMemory && (IsFull() || Interlocked.Read(ref _overflows) > upper.Overflows);

    public void Dispose()
    {
        _look.Dispose();
        _reaper.Dispose();
        if (_budget > 0)
            OverlayMounts.Unmount(_memory);
    }

    private bool IsFull() => IsFull(out _);

    private bool IsFull(out long free)
    {
        free = 0;
        if (Libc.FilesystemUse(_memory, out var use) != 0)
            return false;
        free = use.FreeBytes;
        return use.Free < Math.Max(1, use.Blocks / FullDivisor);
    }

    /// <summary>Looks while there is anything to look for, so that an idle worker sleeps.</summary>
    private void Watch()
    {
        Interlocked.Increment(ref _uppersInMemory);
        if (Interlocked.Exchange(ref _looking, 1) == 0)
            LookAgain();
    }

    private void Look()
    {
        if (IsFull())
            Interlocked.Increment(ref _overflows);
        if (Volatile.Read(ref _uppersInMemory) == 0)
        {
            Volatile.Write(ref _looking, 0);
            if (Volatile.Read(ref _uppersInMemory) == 0 || Interlocked.Exchange(ref _looking, 1) != 0)
                return;
        }
        LookAgain();
    }

    /// <summary>The less room there is, the sooner: what fills the rest and removes it again is seen all the same.</summary>
    private void LookAgain()
    {
        _ = IsFull(out var free);
        _look.Change(TimeSpan.FromMilliseconds(Math.Clamp(free / MostBytesAMillisecond, LookOftenest, LookRarest)), Timeout.InfiniteTimeSpan);
    }
}
