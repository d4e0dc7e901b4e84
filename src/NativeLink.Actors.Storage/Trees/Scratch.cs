using System.Globalization;
using NativeLink.Actors.Storage.Native;

namespace NativeLink.Actors.Storage.Trees;

/// <summary>
/// Where what actions write goes while they run: directories on a tmpfs of our own while it is within its budget, else on disk. The tmpfs may grow to
/// twice the budget, so that actions which were put there when it was still empty do not run into its end.
/// </summary>
internal sealed class Scratch : IDisposable
{
    private readonly string _memory;
    private readonly string _disk;
    private readonly long _budget;
    private readonly Reaper _reaper;
    private long _next;

    private Scratch(string path, long budget, string description, Action<string>? warn)
    {
        (_memory, _disk, _budget, Description) = (Path.Combine(path, "memory"), Path.Combine(path, "disk"), budget, description);
        Directory.CreateDirectory(_disk);
        _reaper = new Reaper(Path.Combine(path, "trash"), warn);
    }

    public string Description { get; }

    /// <summary>Where new upper layers go as long as there is room; probes use it.</summary>
    public string Preferred => _budget > 0 ? _memory : _disk;

    public string Disk => _disk;

    /// <summary>Bytes of memory in use, without walking.</summary>
    public long MemoryBytes => _budget > 0 && Libc.FilesystemUse(_memory, out var use) == 0 ? use.UsedBytes : 0;

    public static Scratch Open(string path, long? budget, Action<string>? warn)
    {
        Directory.CreateDirectory(path);
        if (MountTable.UnmountOursBelow(path) is { } foreign)
            throw new FaultException(FaultKind.Worker, $"scratch directory {path} holds a mount that no worker made, {foreign.MountPoint}; unmount it");
        foreach (var old in (string[])["memory", "disk"])
            TreeDeleter.Delete(Path.Combine(path, old));
        var memory = Path.Combine(path, "memory");
        var bytes = budget ?? MachineMemory() / 4;
        if (bytes <= 0)
            return new Scratch(path, 0, "what actions write goes to disk, as configured", warn);
        Directory.CreateDirectory(memory);
        var options = string.Create(CultureInfo.InvariantCulture, $"size={bytes * 2},mode=0755");
        if (Libc.Mount(MountTable.OurSource, memory, "tmpfs", 6 /* MS_NOSUID | MS_NODEV */, options) != 0)
            return new Scratch(path, 0, $"what actions write goes to disk, because a tmpfs cannot be mounted: {Errno.Text(Errno.Last)}", warn);
        return new Scratch(path, bytes, string.Create(CultureInfo.InvariantCulture, $"what actions write goes to memory up to {bytes >> 20} MiB in all, then to disk"), warn);
    }

    /// <summary>A new directory with <c>u</c> and <c>w</c> in it for an overlay's upper layer and its work directory.</summary>
    public string NewUpper(bool onDisk = false)
    {
        var path = Path.Combine(
            !onDisk && _budget > 0 && MemoryBytes < _budget ? _memory : _disk,
            Interlocked.Increment(ref _next).ToString(CultureInfo.InvariantCulture));
        if (Libc.MakeDirectoryAt(Libc.AtFdCwd, path, 0x1ED) != 0
            || Libc.MakeDirectoryAt(Libc.AtFdCwd, path + "/u", 0x1ED) != 0
            || Libc.MakeDirectoryAt(Libc.AtFdCwd, path + "/w", 0x1ED) != 0)
            throw Errno.LastFault($"scratch directory {path} cannot be made");
        if (Umask.Cuts(0x1ED))
            _ = Libc.ChangeModeAt(Libc.AtFdCwd, path + "/u", 0x1ED, 0);
        return path;
    }

    /// <summary>Lets a tree be deleted in the background; its name is free at once.</summary>
    public void Discard(string path) => _reaper.Take(path);

    public Task Idle => _reaper.Idle;

    public void Dispose()
    {
        _reaper.Dispose();
        if (_budget > 0)
            OverlayMounts.Unmount(_memory);
    }

    private static long MachineMemory() => GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
}
