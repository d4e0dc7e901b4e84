using System.Globalization;
using System.Runtime.InteropServices;

namespace NativeLink.Actors.Worker.Processes.Containment;

/// <summary>
/// For an ordinary user without a cgroup: this process becomes the child subreaper (prctl(2)), so that whatever an action leaves behind stays
/// among its descendants, and each tree carries a mark that every fork and exec hands on and that nothing else uses: the soft limit RLIMIT_RTTIME, which
/// concerns real-time threads alone and is as good as infinite. Session, parent, environment and open files can all be shed by a daemon; a limit is not by chance.
/// Best effort: a process that sets this limit itself, or forks faster than /proc can be read, is not held.
/// </summary>
internal sealed unsafe class SubreaperContainment : IContainment
{
    private const ulong Magic = 0x2AUL << 56;
    private const ulong MagicMask = 0xFFUL << 56;

    // Bits 26 … 55 name the process that spawned, the lower ones the action.
    private static readonly ulong _self = Magic | (Identity(Environment.ProcessId, ProcessIdentity.StartTicks) << 26);
    private static uint _actions;

    // All descendants with their marks as of this round of the reaper: many trees may be ending, one look is enough for all.
    private List<(int Pid, ulong Mark)>? _seen;

    private SubreaperContainment()
    {
    }

    public string Description =>
        "child subreaper and a mark that children inherit, found in /proc: best effort, a process that takes off its mark on purpose can escape "
        + "(certain with a cgroup v2 that this user may write, as root or by delegation)";

    /// <exception cref="FaultException">Worker: not possible here; says why.</exception>
    internal static SubreaperContainment Create()
    {
        Native.Limit limit;
        if (Native.ProcessLimit(0, Native.ResourceRealTime, null, &limit) != 0 || limit.Hard < MagicMask >> 1)
            throw new FaultException(FaultKind.Worker, "RLIMIT_RTTIME has a hard limit, so that processes cannot be marked");
        if (Native.ProcessControl(Native.PrSetChildSubreaper, 1, 0, 0, 0) != 0)
            throw new FaultException(FaultKind.Worker, $"cannot become child subreaper: {Native.ErrorText(Marshal.GetLastPInvokeError())}");
        EndStale();
        return new SubreaperContainment();
    }

    public ILaneContainment ForLane() => new Lane(this);

    public void BeginRound() => _seen = null;

    public void Dispose()
    {
    }

    private static ulong Identity(int pid, long start) => (((ulong)pid & 0x3FFFFF) << 8) | ((ulong)start & 0xFF);

    private static ulong MarkOf(int pid)
    {
        Native.Limit limit;
        return Native.ProcessLimit(pid, Native.ResourceRealTime, null, &limit) == 0 && (limit.Soft & MagicMask) == Magic ? limit.Soft : 0;
    }

    /// <summary>Ends what a crashed worker of this user left running: it carries the mark of a process that is no more.</summary>
    private static void EndStale()
    {
        foreach (var directory in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(directory), NumberStyles.None, CultureInfo.InvariantCulture, out var pid) || MarkOf(pid) is not (var mark and not 0)) continue;
            var owner = (int)((mark >> 34) & 0x3FFFFF);
            if (ProcStat.Read(owner) is { } stat && ProcStat.StartTicks(stat) is { } start && ((ulong)start & 0xFF) == ((mark >> 26) & 0xFF)) continue;
            _ = Native.SendSignal(pid, Native.SigKill);
        }
    }

    /// <summary>Two looks in one: a process whose parent dies while the list is read changes its place in it and could be missed.</summary>
    private List<(int Pid, ulong Mark)> Seen() =>
        _seen ??= ProcStat.Descendants(Environment.ProcessId).Union(ProcStat.Descendants(Environment.ProcessId)).Select(pid => (pid, MarkOf(pid))).Where(seen => seen.Item2 != 0).ToList();

    private sealed class Lane(SubreaperContainment owner) : ILaneContainment
    {
        public (int First, int Second)? Gates => null;

        public IProcessTree? Spawn(SpawnCall call)
        {
            // The child inherits the limit as it is at the fork, and the limit belongs to the whole process: one spawn after the other.
            ForkWindow.Enter();
            try
            {
                Native.Limit before;
                _ = Native.ProcessLimit(0, Native.ResourceRealTime, null, &before);
                var mark = _self | (++_actions & 0x3FFFFFF);
                var during = before with { Soft = mark };
                _ = Native.ProcessLimit(0, Native.ResourceRealTime, &during, null);
                var spawned = call.Spawn();
                _ = Native.ProcessLimit(0, Native.ResourceRealTime, &before, null);
                return spawned ? new Tree(owner, mark, call.Pid) : null;
            }
            finally
            {
                ForkWindow.Leave();
            }
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
                var fresh = ProcStat.Descendants(Environment.ProcessId).Where(pid => MarkOf(pid) == mark && known.Add(pid)).ToList();
                if (fresh.Count == 0) return;
                foreach (var pid in fresh) _ = Native.SendSignal(pid, Native.SigKill);
            }
        }

        public bool IsEmpty()
        {
            foreach (var (pid, theirs) in owner.Seen())
                if (theirs == mark && !ReapIfEnded(pid)) return false;
            return true;
        }

        public long ResidentKiB() => owner.Seen().Where(seen => seen.Mark == mark).Sum(seen => ProcStat.ResidentKiB(seen.Pid));

        public TreeUsage Close() => new(null, _reaped, null, false);

        /// <summary>Orphans become this process's children and would stay as zombies; others' zombies are waited for by their parents.</summary>
        private bool ReapIfEnded(int pid)
        {
            if (pid == root) return false;
            var usage = stackalloc long[Native.UsageWords];
            int status;
            var waited = Native.Wait(pid, &status, Native.WaitNoHang, usage);
            if (waited == pid) _reaped += RootUsage.Cpu(usage);
            return waited == pid || (waited < 0 && ProcStat.Read(pid) is null);
        }
    }
}
