namespace NativeLink.Actors.Worker.Processes.Containment;

/// <summary>
/// A PID namespace of its own for every tree, where there is no cgroup: nothing can leave it, and
/// killing its PID 1 ends all that is in it. PID 1 is a holder that only waits, never the action:
/// signals that it sends to itself work as they should. Needs CAP_SYS_ADMIN in a user namespace:
/// root, or a worker in one of its own.
/// </summary>
internal sealed class PidNamespaceContainment : IContainment
{
    private readonly PidNamespacePool _pool;

    private PidNamespaceContainment(PidNamespacePool pool, string proc)
    {
        _pool = pool;
        Description = $"a PID namespace of its own for every action, ended by killing its PID 1: certain; {proc}";
    }

    public string Description { get; }

    /// <exception cref="FaultException">Worker: not possible here; says why.</exception>
    internal static PidNamespaceContainment Create()
    {
        // A mount namespace of an action's own has to see the input roots that are mounted later on.
        var whyNot = MountsArePropagated() ? "" : "mounts of the worker are not propagated";
        if (whyNot.Length == 0)
        {
            try
            {
                return new PidNamespaceContainment(Open(ownProc: true), "/proc shows the action's own processes");
            }
            catch (FaultException error)
            {
                whyNot = error.Fault.Detail;
            }
        }

        return new PidNamespaceContainment(Open(ownProc: false),
            $"/proc shows the worker's process numbers, not the action's, because {whyNot}");
    }

    public ILaneContainment ForLane() => new NamespaceLane(_pool);

    public void Dispose() => _pool.Dispose();

    private static PidNamespacePool Open(bool ownProc)
    {
        var pool = new PidNamespacePool(ownProc);
        try
        {
            pool.GiveBack(pool.Take());
            return pool;
        }
        catch
        {
            pool.Dispose();
            throw;
        }
    }

    /// <summary>Whether every mount that this process sees belongs to a peer group (proc_pid_mountinfo(5)).</summary>
    private static bool MountsArePropagated() =>
        File.ReadLines("/proc/self/mountinfo")
            .All(line => line.Split(" - ", 2)[0].Contains(" shared:", StringComparison.Ordinal));
}
