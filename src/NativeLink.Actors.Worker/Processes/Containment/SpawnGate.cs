using System.Globalization;
using System.Runtime.InteropServices;

namespace NativeLink.Actors.Worker.Processes.Containment;

/// <summary>
/// Brings a child into its cgroup between fork and exec. posix_spawn of glibc 2.36 cannot, so the child is held at two FIFOs that it opens as file
/// actions: at the first it meets the gatekeeper, a second thread, which then knows that the child exists (the spawning thread itself stands still
/// until exec), finds it as the last of that thread's children and moves it; at the second it waits to be let go.
/// A first program that enters the group (<c>sh -c 'echo 0 > cgroup.procs; exec …'</c>) costs a further exec and leaves its traces in argv[0] and in the
/// environment; a PID namespace changes the numbers that the action sees. This costs two context switches and leaves nothing.
/// </summary>
internal sealed class SpawnGate : ILaneContainment
{
    private const string Prefix = "nativelink-actors-gate-";

    private readonly CgroupContainment _groups;
    private readonly int _arrival;
    private readonly int _release;
    private readonly string _arrivalPath;
    private readonly string _releasePath;
    private readonly string _childrenPath;
    private readonly Thread _gatekeeper;
    private int _forking;
    private volatile CgroupGroup? _group;
    private volatile bool _returned;
    private volatile int _error;
    private volatile bool _stopping;

    internal SpawnGate(CgroupContainment groups)
    {
        _groups = groups;
        _childrenPath = string.Create(CultureInfo.InvariantCulture, $"/proc/self/task/{Native.ThreadId()}/children");
        if (!File.Exists(_childrenPath)) throw new FaultException(FaultKind.Worker, "this kernel has no /proc/PID/task/TID/children");
        (_arrival, _release) = (MakeFifo(ProcessIdentity.Name), MakeFifo(ProcessIdentity.Name));
        (_arrivalPath, _releasePath) = (PathOf(_arrival), PathOf(_release));
        _gatekeeper = new Thread(KeepGate, 256 * 1024) { IsBackground = true, Name = "spawn-gate" };
        _gatekeeper.Start();
    }

    public (int First, int Second)? Gates => (_arrival, _release);

    public IProcessTree? Spawn(SpawnCall call)
    {
        var group = _groups.Take();
        (_error, _returned, _group) = (0, false, group);
        ForkWindow.Enter();
        Volatile.Write(ref _forking, 1);
        var spawned = call.Spawn();
        _returned = true;
        Forked(); // By the gatekeeper already, unless there was no child.
        if (spawned && _error == 0) return group;

        if (spawned) call.KillAndReap();
        if (group.IsEmpty()) _ = group.Close();
        else group.Remove();
        if (_error != 0) throw new FaultException(FaultKind.Worker, $"cannot move a new process into its cgroup: {Native.ErrorText(_error)}");
        return null;
    }

    public void Dispose()
    {
        _stopping = true;
        var reader = Native.OpenRetrying(_arrivalPath, Native.OpenNonBlock);
        _gatekeeper.Join();
        foreach (var fd in (ReadOnlySpan<int>)[reader, _arrival, _release])
            if (fd >= 0) _ = Native.Close(fd);
    }

    private void KeepGate()
    {
        while (true)
        {
            var met = Native.OpenRetrying(_arrivalPath, Native.OpenWriteOnly);
            if (_stopping || met < 0) return;
            _ = Native.Close(met);
            Forked();
            var children = ProcStat.Pids(_childrenPath);
            if (children.Count == 0)
            {
                _error = Native.ESRCH;
                LetGo();
                continue;
            }

            _error = _group!.Enter(children[^1]);
            if (_error == 0) LetGo();
            else _ = Native.SendSignal(children[^1], Native.SigKill); // It must not run outside of its group.
        }
    }

    /// <summary>Opens the second FIFO once the child stands there; a child that died before it got there is not waited for.</summary>
    private void LetGo()
    {
        while (!_returned)
        {
            ForkWindow.Enter();
            var fd = Native.OpenRetrying(_releasePath, Native.OpenWriteOnly | Native.OpenNonBlock);
            if (fd >= 0) _ = Native.Close(fd);
            ForkWindow.Leave();
            if (fd >= 0) return;
            Thread.Yield();
        }
    }

    private void Forked()
    {
        if (Interlocked.Exchange(ref _forking, 0) == 1) ForkWindow.Leave();
    }

    private static string PathOf(int fd) => string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{fd}");

    /// <summary>
    /// Ends the children that a killed worker left at its gates: nobody opens these any more, and the kernel waits for that without end. They are in no group yet,
    /// but they hold the first gate as descriptor 3, and its name tells whose it is.
    /// </summary>
    internal static void EndStale()
    {
        foreach (var directory in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(directory), NumberStyles.None, CultureInfo.InvariantCulture, out var pid)) continue;
            var gate = Path.GetFileName(new FileInfo(directory + "/fd/3").LinkTarget); // Null for another user's process, too.
            if (gate?.StartsWith(Prefix, StringComparison.Ordinal) == true && ProcessIdentity.HasEnded(gate[Prefix.Length..]))
                _ = Native.SendSignal(pid, Native.SigKill);
        }
    }

    /// <summary>A FIFO that nothing but this descriptor leads to, so that a crash leaves no file behind; its number is above those the child sets up.</summary>
    internal static int MakeFifo(string owner)
    {
        var path = Path.Combine(Path.GetTempPath(), $"{Prefix}{owner}{Guid.NewGuid():N}");
        if (Native.MakeFifo(path, 0x180) != 0)
            throw new FaultException(FaultKind.Worker, $"cannot make a FIFO at {path}: {Native.ErrorText(Marshal.GetLastPInvokeError())}");
        var fd = Native.OpenRetrying(path, Native.OpenPath);
        _ = Native.Unlink(path);
        var high = fd < 0 ? fd : Native.Fcntl(fd, Native.FcntlDupCloseOnExec, 10);
        if (fd >= 0) _ = Native.Close(fd);
        return high >= 0 ? high : throw new FaultException(FaultKind.Worker, $"cannot open the FIFO {path}");
    }
}
