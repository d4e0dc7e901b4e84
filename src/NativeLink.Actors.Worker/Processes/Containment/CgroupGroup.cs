namespace NativeLink.Actors.Worker.Processes.Containment;

/// <summary>
/// One cgroup v2 of ours (cgroups(7)), used by one process tree after the other.
/// </summary>
internal sealed class CgroupGroup : IProcessTree
{
    private readonly CgroupContainment _owner;
    private readonly string _path;
    private readonly int _directory;
    private readonly int _kill;
    private readonly int _events;
    private readonly int _cpu;
    private readonly int _peak;
    private readonly int _memoryEvents;
    private readonly bool _watched;
    private long _cpuBefore;
    private long _oomBefore;
    private bool _killed;

    internal CgroupGroup(CgroupContainment owner, string path)
    {
        (_owner, _path) = (owner, path);
        if (Libc.MakeDirectoryAt(Libc.AtFdCwd, path, 0x1ED) != 0)
            throw new FaultException(FaultKind.Worker, $"cannot make the cgroup {path}: {Errno.Message(Errno.Last)}");
        _directory = Libc.OpenRetrying(path, OpenFlags.Directory);
        _kill = Libc.OpenRetrying(path + "/cgroup.kill", OpenFlags.WriteOnly);
        _events = Libc.OpenRetrying(path + "/cgroup.events", 0);
        _cpu = Libc.OpenRetrying(path + "/cpu.stat", 0);
        _peak = Libc.OpenRetrying(path + "/memory.peak", OpenFlags.ReadWrite);
        _memoryEvents = Libc.OpenRetrying(path + "/memory.events", 0);
        if (_directory >= 0 && _kill >= 0 && _events >= 0)
        {
            _watched = owner.Watch.Add(this, path);
            return;
        }

        var error = -Math.Min(_directory, Math.Min(_kill, _events));
        Remove();
        throw new FaultException(FaultKind.Worker,
            $"the cgroup {path} cannot be used ({Errno.Message(error)}); cgroup.kill needs Linux 5.14");
    }

    /// <summary>Set when somebody has written to it: it is not as it was made any more.</summary>
    internal bool Touched { get; set; }

    /// <summary>What names the group to clone3(2).</summary>
    internal int Directory => _directory;

    public void Kill()
    {
        _killed = true;
        _ = Libc.WriteText(_kill, "1"u8);
    }

    public bool IsEmpty() => Number(_events, "populated"u8) == 0;

    public long ResidentKiB()
    {
        long sum = 0;
        foreach (var pid in ProcStat.Pids(_path + "/cgroup.procs")) sum += ProcStat.ResidentKiB(pid);
        return sum;
    }

    public TreeUsage Close()
    {
        var (cpu, oom) = (Number(_cpu, "usage_usec"u8), Number(_memoryEvents, "oom_kill"u8));
        var peak = FirstNumber(_peak);
        var usage = new TreeUsage(
            cpu is { } now
                ? TimeSpan.FromMicroseconds(now - _cpuBefore)
                : null, TimeSpan.Zero, peak / 1024, oom - _oomBefore > 0);
        (_cpuBefore, _oomBefore) = (cpu ?? 0, oom ?? 0);
        if (IsReusable())
            _owner.GiveBack(this);
        else
            Remove();
        return usage;
    }

    internal void Remove()
    {
        foreach (var fd in (ReadOnlySpan<int>)[_directory, _kill, _events, _cpu, _peak, _memoryEvents])
            if (fd >= 0) _ = Libc.Close(fd);
        _owner.RemoveDirectory(_path);
    }

    /// <summary>
    /// Whether another tree may use it: only one that is as it was made. Without a peak that can be
    /// set back, the memory of the last tree would be told again. And some kernels (6.14 and later)
    /// compare how often a group was killed with how often the parent's own was, and end what is
    /// made in one that differs.
    /// </summary>
    private bool IsReusable()
    {
        if (_killed || !_watched) return false;
        _owner.Watch.Look();
        return !Touched && (_peak < 0 || Libc.WriteText(_peak, "0"u8) == 0);
    }

    private static unsafe int ReadAll(int fd, Span<byte> buffer)
    {
        if (fd < 0) return 0;
        fixed (byte* bytes = buffer) return (int)Math.Max(0, Libc.ReadAt(fd, bytes, (nuint)buffer.Length, 0));
    }

    private static long? Number(int fd, ReadOnlySpan<byte> name)
    {
        Span<byte> buffer = stackalloc byte[1024];
        return ProcStat.Named(buffer[..ReadAll(fd, buffer)], name);
    }

    private static long? FirstNumber(int fd)
    {
        Span<byte> buffer = stackalloc byte[64];
        return System.Buffers.Text.Utf8Parser.TryParse(buffer[..ReadAll(fd, buffer)], out long value, out _)
            ? value
            : null;
    }
}
