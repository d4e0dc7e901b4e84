using System.Collections.Concurrent;
using System.Globalization;

namespace NativeLink.Actors.Worker.Processes.Containment;

/// <summary>
/// PID namespaces that are used again as long as nothing is left in them, and made ahead where one
/// was lost, by a thread that keeps the right to mount for them.
/// </summary>
internal sealed unsafe class PidNamespacePool : IDisposable
{
    private const int MostSpare = 64;
    private static readonly TimeSpan ReadyBound = TimeSpan.FromSeconds(10);

    // The keeper may have one or two to make before.
    private static readonly TimeSpan OrderBound = TimeSpan.FromSeconds(30);

    // Numbers start elsewhere in each namespace: programs put their own into names in shared
    // directories. Children of a PID 1 that ignores SIGCHLD leave no zombies.
    private const string Hold = "echo \"$1\" >/proc/sys/kernel/ns_last_pid; exec env --ignore-signal=CHLD cat";
    private const int FirstNumber = 300, NumbersApart = 1009, NumberRange = 30_000;

    private readonly bool _ownProc;
    private readonly BlockingCollection<TaskCompletionSource<PidNamespace>?> _orders = [];
    private readonly ConcurrentBag<PidNamespace> _spare = [];
    private readonly Thread _keeper;
    private int _made;

    /// <param name="ownProc">Whether each has a mount namespace and a /proc of its own.</param>
    internal PidNamespacePool(bool ownProc)
    {
        _ownProc = ownProc;
        _keeper = WorkerThread.Start(Keep, "pid-namespaces");
    }

    /// <summary>What setns(2) is to take from a holder.</summary>
    internal int Kinds => _ownProc ? CloneFlags.NewPid | CloneFlags.NewMount : CloneFlags.NewPid;

    /// <exception cref="FaultException">Worker: none can be made.</exception>
    internal PidNamespace Take()
    {
        if (_spare.TryTake(out var space)) return space;
        var order = new TaskCompletionSource<PidNamespace>(TaskCreationOptions.RunContinuationsAsynchronously);
        _orders.Add(order);
        // Not Task.Wait, which would wrap what went wrong.
        if (Task.WaitAny([order.Task], OrderBound) == 0 || !order.TrySetCanceled())
            return order.Task.GetAwaiter().GetResult();
        throw new FaultException(
            FaultKind.Worker, $"a PID namespace was not made within {OrderBound.TotalSeconds:0} s");
    }

    internal void GiveBack(PidNamespace space)
    {
        if (_spare.Count < MostSpare) _spare.Add(space);
        else space.End();
    }

    /// <summary>One is gone: makes another for whoever comes next.</summary>
    internal void Replace() => _orders.Add(null);

    public void Dispose()
    {
        _orders.CompleteAdding();
        _keeper.Join();
        while (_spare.TryTake(out var space)) space.End();
        _orders.Dispose();
    }

    private void Keep()
    {
        SpawningThread.PrepareForHelper();
        foreach (var order in _orders.GetConsumingEnumerable())
        {
            // Nobody waits any more, as when there are more of these than can be made in time.
            if (order?.Task.IsCompleted == true) continue;
            try
            {
                var made = Make();
                if (order?.TrySetResult(made) != true) GiveBack(made); // Nobody waits for it, or not any more.
            }
            catch (Exception error)
            {
                order?.TrySetException(error); // Without one: whoever comes next orders again, and hears it.
            }
        }
    }

    private PidNamespace Make()
    {
        var number = FirstNumber + ((long)_made++ * NumbersApart % NumberRange);
        string[] hold = ["sh", "-c", Hold, "sh", number.ToString(CultureInfo.InvariantCulture)];
        string[] mount = ["unshare", "--mount", "--propagation", "slave", "--mount-proc"];
        var plan = new ProcessPlan(_ownProc ? [.. mount, .. hold] : hold,
            [new("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")], "/", "", "");
        var program = ProgramLookup.Find(plan);
        var ends = stackalloc int[2];
        if (program.Path is null) throw new FaultException(FaultKind.Worker, program.Message);
        if (Libc.SocketPair(ends) != 0) throw Failed("socketpair", Errno.Last);
        using var call = new SpawnCall();
        call.PrepareHelper(plan, program.Path, ends[1]);
        var spawned = call.Spawn(CloneFlags.NewPid);
        _ = Libc.Close(ends[1]);
        if (!spawned)
        {
            _ = Libc.Close(ends[0]);
            throw Failed(call.Failure == SpawnFailure.Child ? "clone" : program.Path, call.Error);
        }

        var space = new PidNamespace(call.Pid, call.PidFd, ends[0]);
        if (space.IsReady(ReadyBound)) return space;
        space.End();
        throw new FaultException(
            FaultKind.Worker, $"the holder of a PID namespace does not come up ({string.Join(' ', plan.Arguments)})");
    }

    private static FaultException Failed(string what, int error) =>
        new(FaultKind.Worker, $"a PID namespace cannot be made: {what}: {Errno.Message(error)}");
}
