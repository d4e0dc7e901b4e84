namespace NativeLink.Actors.Worker.Processes.Containment;

/// <summary>A process tree that has a PID namespace to itself.</summary>
internal sealed class PidNamespaceTree(PidNamespacePool pool, PidNamespace space, int spawner, int root) : IProcessTree
{
    private bool _killed;
    private bool _rootEnded;
    private bool _interference;
    private TimeSpan _left;

    public void Kill()
    {
        if (!_killed)
        {
            // Nobody waits for these: what they used is known only as long as they are there.
            _killed = true;
            foreach (var pid in Others())
                if (ProcStat.Read(pid) is { } stat && ProcStat.CpuTicks(
                    stat) is { } ticks) _left += TimeSpan.FromSeconds((double)ticks / ProcStat.TicksPerSecond);
        }

        space.Kill();
    }

    public bool IsEmpty()
    {
        _rootEnded = true;
        if (!_killed && !_interference)
        {
            if (!space.IsEnding()) return space.HoldsNothing(spawner);
            _interference = true;
        }

        space.ReapStrays(spawner);
        return space.HasEnded();
    }

    public long ResidentKiB() => (_rootEnded ? 0 : ProcStat.ResidentKiB(root)) + Others().Sum(ProcStat.ResidentKiB);

    public TreeUsage Close()
    {
        if (space.HasEnded()) pool.Replace();
        else pool.GiveBack(space);
        return new TreeUsage(null, _left, null, false)
        {
            Interference = _interference ? "the first process of its PID namespace was killed from outside" : null,
        };
    }

    private IEnumerable<int> Others() => ProcStat.Descendants(space.Holder)
        .Concat(_rootEnded ? [] : ProcStat.Descendants(root));
}
