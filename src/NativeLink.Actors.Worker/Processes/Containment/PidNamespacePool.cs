using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.InteropServices;

namespace NativeLink.Actors.Worker.Processes.Containment;

/// <summary>
/// PID namespaces that are used again as long as nothing is left in them, and made ahead where one was lost. A thread that has made one can neither make another, nor
/// come back from it as an ordinary user, nor start threads: so each is made on a thread of its own, which a keeper starts.
/// </summary>
internal sealed unsafe class PidNamespacePool : IDisposable
{
    private const int MostSpare = 64;
    private static readonly TimeSpan ReadyBound = TimeSpan.FromSeconds(10);

    // Numbers start elsewhere in each namespace: programs put their own into names in shared directories. Children of a PID 1 that ignores SIGCHLD leave no zombies.
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
        _keeper = new Thread(Keep, 256 * 1024) { IsBackground = true, Name = "pid-namespaces" };
        _keeper.Start();
    }

    /// <summary>What setns(2) is to take from a holder.</summary>
    internal int Kinds => _ownProc ? Native.CloneNewPid | Native.CloneNewMount : Native.CloneNewPid;

    /// <exception cref="FaultException">Worker: none can be made.</exception>
    internal PidNamespace Take()
    {
        if (_spare.TryTake(out var space)) return space;
        var order = new TaskCompletionSource<PidNamespace>(TaskCreationOptions.RunContinuationsAsynchronously);
        _orders.Add(order);
        return order.Task.GetAwaiter().GetResult();
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
        foreach (var order in _orders.GetConsumingEnumerable())
        {
            try
            {
                var made = Make();
                if (order is null) _spare.Add(made);
                else order.SetResult(made);
            }
            catch (Exception error)
            {
                order?.SetException(error); // Without one: whoever comes next orders again, and hears it.
            }
        }
    }

    private PidNamespace Make()
    {
        var number = FirstNumber + ((long)_made++ * NumbersApart % NumberRange);
        string[] hold = ["sh", "-c", Hold, "sh", number.ToString(CultureInfo.InvariantCulture)];
        string[] mount = ["unshare", "--mount", "--propagation", "slave", "--mount-proc"];
        var plan = new ProcessPlan(_ownProc ? [.. mount, .. hold] : hold, [new("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")], "/", "", "");
        var program = ProgramLookup.Find(plan);
        var ends = stackalloc int[2];
        if (program.Path is null) throw new FaultException(FaultKind.Worker, program.Message);
        if (Native.SocketPair(ends) != 0) throw Failed("socketpair", Marshal.GetLastPInvokeError());
        using var call = new SpawnCall();
        call.PrepareHelper(plan, program.Path, ends[1]);
        var birth = new NamespaceBirth(call.Parameters);
        var thread = new Thread(birth.Give, 256 * 1024) { IsBackground = true, Name = "pid-namespace" };
        ForkWindow.Enter();
        thread.Start();
        thread.Join();
        ForkWindow.Leave();
        _ = Native.Close(ends[1]);
        var (unshareError, error, pid) = birth.Outcome;
        if (unshareError != 0 || !call.Made(error, pid))
        {
            _ = Native.Close(ends[0]);
            throw unshareError != 0 ? Failed("unshare", unshareError) : Failed(program.Path, error);
        }

        var space = new PidNamespace(call.Pid, Native.PidfdOpen(call.Pid), ends[0]);
        if (space.PidFd >= 0 && space.IsReady(ReadyBound)) return space;
        space.End();
        throw new FaultException(FaultKind.Worker, $"the holder of a PID namespace does not come up ({string.Join(' ', plan.Arguments)})");
    }

    private static FaultException Failed(string what, int error) =>
        new(FaultKind.Worker, $"a PID namespace cannot be made: {what}: {Native.ErrorText(error)}");
}
