using System.Runtime.InteropServices;

namespace NativeLink.Actors.Worker.Processes;

/// <summary>What failed when nothing was spawned.</summary>
internal enum SpawnFailure
{
    None,

    /// <summary>There never was a child.</summary>
    Child,

    /// <summary>The child could not be set up: its session, its descriptors or its limits.</summary>
    Setup,

    /// <summary>It could not enter its working directory.</summary>
    Directory,

    /// <summary>It could not execute its program.</summary>
    Program,
}

/// <summary>
/// The list of system calls that makes a child, see <see cref="SpawnRoutine"/>: what it has of its own, and all that is
/// done in it before its program. Its memory never moves.
/// </summary>
internal sealed unsafe class SpawnSteps : IDisposable
{
    private const int Capacity = 120;
    private const int SignalSetSize = 8;
    private const int CloneArgumentWords = 11;
    private const int MostLimits = 16;
    private const int HighestLength = 4;

    // Of the whole process: never freed.
    private static readonly nint ScoreFile = Marshal.StringToCoTaskMemUTF8("/proc/self/oom_score_adj");
    private static readonly nint Highest = Marshal.StringToCoTaskMemUTF8("1000");

    // What the steps point to lies behind them, in this order.
    private readonly SpawnStep* _steps = (SpawnStep*)NativeMemory.AllocZeroed(
        (Capacity * SpawnStep.Size) + (3 * SignalSetSize) + 32 + (CloneArgumentWords * 8) + (MostLimits * 16) + 8);

    private readonly ProcessLauncherOptions _options;
    private readonly List<nint> _texts = [];
    private readonly int _constant;
    private int _count = SpawnRoutine.FirstChildStep;
    private int _limits;

    /// <summary>
    /// Begins with what is the same for all children: no signal is caught or ignored, and the
    /// session is the child's own.
    /// </summary>
    internal SpawnSteps(ProcessLauncherOptions options)
    {
        _options = options;
        *All = ~0UL;
        *PidFdCell = -1;
        _steps[0] = new SpawnStep
        {
            Number = SystemCalls.SignalMask,
            One = SystemCalls.SetMask,
            Two = (nint)All,
            Three = (nint)Before,
            Four = SignalSetSize,
        };
        _steps[2] = new SpawnStep
        {
            Number = SystemCalls.SignalMask,
            One = SystemCalls.SetMask,
            Two = (nint)Before,
            Three = 0,
            Four = SignalSetSize,
        };
        for (var signal = 1; signal <= 64; signal++)
            if (signal is not (Signals.Kill or Signals.Stop)) Add(
                SpawnFailure.None, SystemCalls.SignalAction, signal, (nint)NoAction, 0, SignalSetSize);
        Add(SpawnFailure.Setup, SystemCalls.SetSession);
        _constant = _count;
    }

    /// <summary>
    /// The child's pidfd, from before the child runs until the next one is prepared; -1 while there
    /// is none. May be read on any thread.
    /// </summary>
    internal int PidFd => Volatile.Read(ref *PidFdCell);

    private ulong* All => (ulong*)(_steps + Capacity);

    private ulong* Before => All + 1;

    private ulong* None => All + 2;

    private byte* NoAction => (byte*)(All + 3);

    private ulong* CloneArguments => (ulong*)(NoAction + 32);

    private ResourceLimit* Limits => (ResourceLimit*)(CloneArguments + CloneArgumentWords);

    private int* PidFdCell => (int*)(Limits + MostLimits);

    internal void Clear()
    {
        ForgetPidFd();
        FreeTexts();
        (_count, _limits) = (_constant, 0);
    }

    /// <summary>
    /// The last child's descriptor is closed, or about to be: its number may be that of somebody
    /// else's child, which nobody may end through this.
    /// </summary>
    internal void ForgetPidFd() => Volatile.Write(ref *PidFdCell, -1);

    /// <summary>The steps of a process that is to run what the plan says.</summary>
    internal void ForProcess(ProcessPlan plan, SpawnStreams streams)
    {
        OpenAs(0, "/dev/null", 0);
        Stream(1, streams.Stdout);
        Stream(2, streams.Stderr);
        // Whatever the worker has open for writing is closed before all that may take longer: an input of another
        // action would be "text file busy" so long.
        CloseFrom(3);
        IsFirstToGo(3);
        Limit(ResourceLimit.OpenFiles, _options.OpenFiles);
        ChangeDirectory(plan.WorkingDirectory);
    }

    /// <summary>Of a helper of the worker's own: both ways of a socket as stdin and stdout, stderr nowhere.</summary>
    internal void ForHelper(ProcessPlan plan, int socket)
    {
        CopyAs(0, socket);
        CopyAs(1, socket);
        OpenAs(2, "/dev/null", OpenFlags.WriteOnly);
        CloseFrom(3);
        ChangeDirectory(plan.WorkingDirectory);
    }

    private void Stream(int fd, int from)
    {
        if (from >= 0) CopyAs(fd, from);
        else OpenAs(fd, "/dev/null", OpenFlags.WriteOnly);
    }

    private void CloseFrom(int fd) =>
        Add(SpawnFailure.None, SystemCalls.CloseRange, fd, unchecked((nint)uint.MaxValue));

    /// <summary>Opens a file as the lowest descriptor: those below must be open already.</summary>
    private void OpenAs(int fd, string path, int flags, int mode = 0)
    {
        Add(SpawnFailure.None, SystemCalls.Close, fd);
        Add(SpawnFailure.Setup, SystemCalls.OpenAt, Libc.AtFdCwd, Text(path), flags, mode);
    }

    /// <summary>
    /// Makes one descriptor the copy of another, which
    /// is not the same one, without its close-on-exec.
    /// </summary>
    private void CopyAs(int fd, int from) => Add(SpawnFailure.Setup, SystemCalls.Duplicate, from, fd);

    /// <summary>
    /// When memory ends, the kernel ends an action and not the worker, which would take all others
    /// with it (proc_pid_oom_score_adj(5)). After <see cref="CloseFrom"/>: no descriptor may be
    /// open from the first one that is given on. A child that shares its parent's memory until it
    /// executes a program changes its own score alone.
    /// </summary>
    private void IsFirstToGo(int free)
    {
        // Where there is no close_range(2), something of the worker's may still be open here.
        Add(SpawnFailure.None, SystemCalls.Close, free);
        Add(SpawnFailure.None, SystemCalls.OpenAt, Libc.AtFdCwd, ScoreFile, OpenFlags.WriteOnly);
        Add(SpawnFailure.None, SystemCalls.Write, free, Highest, HighestLength);
        Add(SpawnFailure.None, SystemCalls.Close, free);
    }

    private void ChangeDirectory(string path) => Add(SpawnFailure.Directory, SystemCalls.ChangeDirectory, Text(path));

    /// <summary>Sets a limit of the child's own (prlimit(2)).</summary>
    internal void Limit(int resource, ResourceLimit limit)
    {
        Limits[_limits] = limit;
        Add(SpawnFailure.Setup, SystemCalls.ProcessLimit, 0, resource, (nint)(Limits + _limits++));
    }

    /// <summary>The last step of the child; nothing may be added afterwards.</summary>
    internal void Execute(SpawnStrings strings)
    {
        Add(SpawnFailure.None, SystemCalls.SignalMask, SystemCalls.SetMask, (nint)None, 0, SignalSetSize);
        Add(SpawnFailure.Program, SystemCalls.Execute, (nint)strings.Path, (nint)strings.Arguments,
            (nint)strings.Environment);
    }

    /// <summary>
    /// Sets the step that makes the child. A group needs clone3(2),
    /// which older sandboxes refuse; all else is clone(2)'s.
    /// </summary>
    /// <param name="namespaces">CLONE_NEW… flags.</param>
    /// <param name="cgroup">The directory of the cgroup that the child is to be in, or -1.</param>
    internal SpawnStep* Begin(int namespaces, int cgroup)
    {
        const ulong Always = CloneFlags.Vm | CloneFlags.Vfork | CloneFlags.PidFd;
        *PidFdCell = -1;
        for (var i = 0; i < _count; i++) _steps[i].Result = 0;
        var flags = Always | (uint)namespaces;
        if (cgroup < 0)
        {
            _steps[1] = new SpawnStep
            {
                Number = SystemCalls.Clone,
                One = (nint)(flags | Signals.Child),
                Three = (nint)PidFdCell,
            };
            return _steps;
        }

        var arguments = CloneArguments;
        (arguments[0], arguments[1], arguments[4], arguments[10]) = (flags | CloneFlags.IntoCgroup, (ulong)PidFdCell,
            Signals.Child, (ulong)cgroup);
        _steps[1] = new SpawnStep { Number = SystemCalls.Clone3, One = (nint)arguments, Two = CloneArgumentWords * 8 };
        return _steps;
    }

    /// <summary>The first thing that the child could not do, after a run that made one.</summary>
    internal (SpawnFailure Failure, int Error) Failed()
    {
        for (var i = _constant - 1; i < _count; i++)
            if (_steps[i] is { Needed: not 0, Result: < 0 } step) return ((SpawnFailure)step.Needed, (int)-step.Result);
        return default;
    }

    public void Dispose()
    {
        FreeTexts();
        NativeMemory.Free(_steps);
    }

    private void Add(SpawnFailure needed, int number, nint one = 0, nint two = 0, nint three = 0, nint four = 0)
    {
        if (_count == Capacity) throw new InvalidOperationException("too many steps for one child");
        _steps[_count++] = new SpawnStep
        {
            Number = number,
            One = one,
            Two = two,
            Three = three,
            Four = four,
            Needed = (nint)needed,
        };
    }

    private nint Text(string text)
    {
        var copy = Marshal.StringToCoTaskMemUTF8(text);
        _texts.Add(copy);
        return copy;
    }

    private void FreeTexts()
    {
        foreach (var text in _texts) Marshal.FreeCoTaskMem(text);
        _texts.Clear();
    }
}
