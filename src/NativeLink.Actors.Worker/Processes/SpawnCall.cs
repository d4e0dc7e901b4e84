using System.Runtime.InteropServices;

namespace NativeLink.Actors.Worker.Processes;

/// <summary>One call of posix_spawn(3), prepared; the containment makes it when the tree is ready. Used on one spawning thread only.</summary>
internal sealed unsafe class SpawnCall : IDisposable
{
    // Larger than glibc's on any machine: 336 and 80 bytes on x64.
    private const int AttributesSize = 1024;
    private const int ActionsSize = 256;
    private const int SignalSetSize = 128;

    private static readonly bool _canCloseFrom = NativeLibrary.TryGetExport(NativeLibrary.GetMainProgramHandle(), "posix_spawn_file_actions_addclosefrom_np", out _);

    private readonly byte* _attributes = (byte*)NativeMemory.AllocZeroed(AttributesSize);
    private readonly byte* _actions = (byte*)NativeMemory.AllocZeroed(ActionsSize);
    private SpawnStrings? _strings;

    internal SpawnCall()
    {
        var set = stackalloc byte[SignalSetSize];
        _ = Native.SpawnAttributesInit(_attributes);
        _ = Native.SpawnAttributesSetFlags(_attributes, Native.SpawnSetSession | Native.SpawnSetSigDefault | Native.SpawnSetSigMask);
        _ = Native.SignalSetEmpty(set);
        _ = Native.SpawnAttributesSetSigMask(_attributes, set);
        _ = Native.SignalSetFill(set);
        _ = Native.SpawnAttributesSetSigDefault(_attributes, set);
    }

    /// <summary>The errno of the last call; 0 when it spawned.</summary>
    internal int Error { get; private set; }

    internal int Pid { get; private set; }

    internal void Prepare(ProcessPlan plan, string program, (int First, int Second)? gates)
    {
        Release();
        _strings = new SpawnStrings(program, plan);
        _ = Native.FileActionsInit(_actions);
        if (gates is var (first, second))
        {
            // Whatever the worker has open for writing is closed before the child waits: an input of another action would be "text file busy" so long.
            _ = Native.FileActionsDup2(_actions, first, 3);
            _ = Native.FileActionsDup2(_actions, second, 4);
            CloseFrom(5);
            _ = Native.FileActionsOpen(_actions, 0, "/proc/self/fd/3", 0, 0);
            _ = Native.FileActionsOpen(_actions, 0, "/proc/self/fd/4", 0, 0);
        }

        const int Anew = Native.OpenWriteOnly | Native.OpenCreate | Native.OpenTruncate;
        _ = Native.FileActionsOpen(_actions, 0, "/dev/null", 0, 0);
        _ = Native.FileActionsOpen(_actions, 1, plan.StdoutPath, Anew, 0x1A4);
        _ = Native.FileActionsOpen(_actions, 2, plan.StderrPath, Anew, 0x1A4);
        CloseFrom(3);
        _ = Native.FileActionsChangeDirectory(_actions, plan.WorkingDirectory);
    }

    /// <summary>For a helper of the worker's own: both ways of a socket as stdin and stdout, stderr nowhere.</summary>
    internal void PrepareHelper(ProcessPlan plan, string program, int socket)
    {
        Release();
        _strings = new SpawnStrings(program, plan);
        _ = Native.FileActionsInit(_actions);
        _ = Native.FileActionsDup2(_actions, socket, 0);
        _ = Native.FileActionsDup2(_actions, socket, 1);
        _ = Native.FileActionsOpen(_actions, 2, "/dev/null", Native.OpenWriteOnly, 0);
        CloseFrom(3);
        _ = Native.FileActionsChangeDirectory(_actions, plan.WorkingDirectory);
    }

    /// <summary>Spawns; true when there is a process.</summary>
    internal bool Spawn()
    {
        int pid;
        return Made(Native.Spawn(&pid, _strings!.Path, _actions, _attributes, _strings.Arguments, _strings.Environment), pid);
    }

    /// <summary>What the call is made with, for one who makes it himself and tells the outcome by <see cref="Made"/>.</summary>
    internal SpawnParameters Parameters => new(_strings!.Path, _actions, _attributes, _strings.Arguments, _strings.Environment);

    /// <returns>Whether there is a process.</returns>
    internal bool Made(int error, int pid)
    {
        (Error, Pid) = (error, error == 0 ? pid : 0);
        return error == 0;
    }

    /// <summary>Ends a spawned process that may not go on.</summary>
    internal void KillAndReap()
    {
        _ = Native.SendSignal(Pid, Native.SigKill);
        int status;
        _ = Native.Wait(Pid, &status, 0, null);
    }

    public void Dispose()
    {
        Release();
        NativeMemory.Free(_attributes);
        NativeMemory.Free(_actions);
    }

    private void CloseFrom(int fd)
    {
        if (_canCloseFrom) _ = Native.FileActionsCloseFrom(_actions, fd);
    }

    private void Release()
    {
        if (_strings is null) return;
        _ = Native.FileActionsDestroy(_actions);
        _strings.Dispose();
        _strings = null;
    }
}

/// <summary>The parameters of posix_spawn(3).</summary>
internal readonly unsafe struct SpawnParameters(byte* path, void* actions, void* attributes, byte** arguments, byte** environment)
{
    internal readonly byte* Path = path;
    internal readonly void* Actions = actions;
    internal readonly void* Attributes = attributes;
    internal readonly byte** Arguments = arguments;
    internal readonly byte** Environment = environment;
}
