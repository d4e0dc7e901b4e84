using System.Collections.Concurrent;
using System.Globalization;

namespace NativeLink.Actors.Worker.Processes.Containment;

/// <summary>
/// For an ordinary user without a cgroup: this process becomes the child subreaper (prctl(2)), so
/// that whatever an action leaves behind stays among its descendants, and each tree carries a mark
/// that every fork and exec hands on and that nothing else uses: the soft limit RLIMIT_RTTIME,
/// which concerns real-time threads alone and is as good as infinite. Session, parent, environment
/// and open files can all be shed by a daemon; a limit is not by chance. Best effort: a process
/// that sets this limit itself, or forks faster than /proc can be read, is not held.
/// </summary>
internal sealed unsafe class SubreaperContainment : IContainment
{
    private const ulong Magic = 0x2AUL << 56;
    private const ulong MagicMask = 0xFFUL << 56;

    // Bits 42 … 55 name the PID namespace of the process that spawned, 24 … 41 that process in it,
    // the lower ones the action. Process numbers of another namespace mean nothing here, and its
    // workers cannot be seen: a mark from there says nothing about whether its worker lives.
    private const int NamespaceBits = 14, OwnerBits = 18, ActionBits = 24;
    private static readonly ulong Here = Low(
        ulong.TryParse(ProcessIdentity.PidNamespace, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : 0, NamespaceBits);
    private static readonly ulong Self = Mark(Here, Environment.ProcessId, ProcessIdentity.StartTicks, 0);
    private static long _actions;

    // What orphans used that have been waited for, by their mark, until their tree is closed. They
    // fall to the process, so any reaper of it may be who waits for them.
    private static readonly ConcurrentDictionary<ulong, TimeSpan> OrphansUsage = new();

    // All descendants with their marks as of this round of the reaper: many trees may be ending,
    // one look is enough for all.
    private List<(int Pid, ulong Mark)>? _seen;
    private bool _seenAll;

    private readonly ulong _hard;

    private SubreaperContainment(ulong hard) => _hard = hard;

    public string Description =>
        "child subreaper and a mark that children inherit, found in /proc: best effort, " +
        "a process that takes off its mark on purpose can escape "
        + "(certain with a cgroup v2 that this user may write, as root or by delegation)";

    /// <exception cref="FaultException">Worker: not possible here; says why.</exception>
    internal static SubreaperContainment Create()
    {
        ResourceLimit limit;
        if (Libc.ProcessLimit(0, ResourceLimit.RealTime, null, &limit) != 0 || limit.Hard < MagicMask >> 1)
            throw new FaultException(
                FaultKind.Worker, "RLIMIT_RTTIME has a hard limit, so that processes cannot be marked");
        if (Libc.ProcessControl(Libc.PrSetChildSubreaper, 1, 0, 0, 0) != 0)
            throw new FaultException(FaultKind.Worker, $"cannot become child subreaper: {Errno.Message(Errno.Last)}");
        EndStale();
        return new SubreaperContainment(limit.Hard);
    }

    public ILaneContainment ForLane() => new Lane(this);

    public void BeginRound() => _seen = null;

    public void Dispose()
    {
    }

    /// <summary>Keeps what an orphan used for the tree whose mark it carries; called before it is waited for.</summary>
    internal static void OnOrphanEnded(int pid)
    {
        if (MarkOf(pid) is not (var mark and not 0) || ProcStat.Read(pid) is not { } stat
            || ProcStat.CpuTicks(stat) is not { } ticks) return;
        var used = TimeSpan.FromSeconds((double)ticks / ProcStat.TicksPerSecond);
        OrphansUsage.AddOrUpdate(mark, used, (_, before) => before + used);
    }

    /// <summary>The mark of an action of a process, or of that process with action 0.</summary>
    internal static ulong Mark(ulong pidNamespace, int pid, long start, ulong action) =>
        Magic | (Low(pidNamespace, NamespaceBits) << (OwnerBits + ActionBits)) | (Owner(pid, start) << ActionBits)
            | Low(action, ActionBits);

    private static ulong Low(ulong value, int bits) => value & ((1UL << bits) - 1);

    /// <summary>Spread, so that processes which start one after the other differ in it.</summary>
    private static ulong Owner(int pid, long start) =>
        ((((ulong)pid << 32) ^ (ulong)start) * 0x9E3779B97F4A7C15UL) >> (64 - OwnerBits);

    private static ulong MarkOf(int pid)
    {
        ResourceLimit limit;
        return Libc.ProcessLimit(pid, ResourceLimit.RealTime, null, &limit) == 0 && (limit.Soft & MagicMask) == Magic
            ? limit.Soft
            : 0;
    }

    /// <summary>
    /// Ends what a crashed worker of this user and this PID namespace left running: it carries the
    /// mark of a process that is no more.
    /// </summary>
    private static void EndStale()
    {
        var marked = Pids().Select(pid => (Pid: pid, Mark: MarkOf(pid)))
            .Where(seen => seen.Mark != 0 && Low(seen.Mark >> (OwnerBits + ActionBits), NamespaceBits) == Here)
            .ToList();
        if (marked.Count == 0) return;
        // Only now, so that whoever spawned any of these is among them if he lives.
        var living = Pids().Select(pid => ProcStat.Read(pid) is { } stat && ProcStat.StartTicks(stat) is { } start
            ? Owner(pid, start)
            : ulong.MaxValue).ToHashSet();
        foreach (var (pid, mark) in marked)
            if (!living.Contains(Low(mark >> ActionBits, OwnerBits))) KillMarked(pid, mark);
    }

    private static IEnumerable<int> Pids() => Directory.EnumerateDirectories("/proc")
        .Select(
            static path => int.TryParse(Path.GetFileName(path), NumberStyles.None, CultureInfo.InvariantCulture,
                out var pid) ? pid : 0).Where(static pid => pid > 0);

    /// <summary>Ends a process that has this mark at this moment, and no other that got its number meanwhile.</summary>
    private static void KillMarked(int pid, ulong mark)
    {
        var pidfd = Libc.PidfdOpen(pid);
        if (pidfd < 0) return; // It is gone, or there is no descriptor now: the next round tries again.
        if (MarkOf(pid) == mark) _ = Libc.SendSignalTo(pidfd, Signals.Kill);
        _ = Libc.Close(pidfd);
    }

    /// <summary>
    /// Two looks in one: a process whose parent dies while the
    /// list is read changes its place in it and could be missed.
    /// </summary>
    private List<(int Pid, ulong Mark)> Seen()
    {
        if (_seen is not null) return _seen;
        var pids = ProcStat.Descendants(Environment.ProcessId, out var first)
            .Union(ProcStat.Descendants(Environment.ProcessId, out var second));
        _seenAll = first && second;
        return _seen = pids.Select(pid => (pid, MarkOf(pid))).Where(seen => seen.Item2 != 0).ToList();
    }

    private sealed class Lane(SubreaperContainment owner) : ILaneContainment
    {
        public IProcessTree? Spawn(SpawnCall call)
        {
            var mark = Self | Low((ulong)Interlocked.Increment(ref _actions), ActionBits);
            call.Limit(ResourceLimit.RealTime, new ResourceLimit { Soft = mark, Hard = owner._hard });
            return call.Spawn() ? new Tree(owner, mark, call.Pid) : null;
        }

        public void Dispose()
        {
        }
    }

    private sealed class Tree(SubreaperContainment owner, ulong mark, int root) : IProcessTree
    {
        private const int MostRounds = 100;
        private TimeSpan _reaped;

        public void Kill()
        {
            // What is not killed yet may fork while the others are: until a round finds nobody new.
            var known = new HashSet<int>();
            for (var round = 0; round < MostRounds; round++)
            {
                var fresh = ProcStat.Descendants(Environment.ProcessId)
                    .Where(pid => MarkOf(pid) == mark && known.Add(pid)).ToList();
                if (fresh.Count == 0) return;
                foreach (var pid in fresh) KillMarked(pid, mark);
            }
        }

        public bool IsEmpty()
        {
            foreach (var (pid, theirs) in owner.Seen())
                if (theirs == mark && !ReapIfEnded(pid)) return false;
            // What could not be read is asked again in the next round.
            return owner._seenAll;
        }

        public long ResidentKiB() => owner.Seen().Where(seen => seen.Mark == mark)
            .Sum(seen => ProcStat.ResidentKiB(seen.Pid));

        public TreeUsage Close()
        {
            OrphansUsage.TryRemove(mark, out var before);
            return new TreeUsage(null, _reaped + before, null, false);
        }

        /// <summary>
        /// Orphans become this process's children and would stay as zombies; others' zombies are
        /// waited for by their parents.
        /// </summary>
        private bool ReapIfEnded(int pid)
        {
            if (pid == root) return false;
            var usage = stackalloc long[Libc.UsageWords];
            int status;
            var waited = Libc.Wait(pid, &status, Libc.WaitNoHang, usage);
            if (waited == pid) _reaped += RootUsage.Cpu(usage);
            return waited == pid || (waited < 0 && !ProcStat.Exists(pid));
        }
    }
}
