using System.Runtime.CompilerServices;

namespace NativeLink.Actors.Worker.Processes.Containment;

/// <summary>Spawns the holder of a new PID namespace, on a thread that does nothing else (see <see cref="NamespaceLane"/>).</summary>
internal sealed unsafe class NamespaceBirth(SpawnParameters with)
{
    private readonly delegate* unmanaged<int, int> _unshare = (delegate* unmanaged<int, int>)NamespaceLane.Export("unshare");
    private readonly delegate* unmanaged<int*> _errno = (delegate* unmanaged<int*>)NamespaceLane.Export("__errno_location");

    private readonly delegate* unmanaged<int*, byte*, void*, void*, byte**, byte**, int> _spawn =
        (delegate* unmanaged<int*, byte*, void*, void*, byte**, byte**, int>)NamespaceLane.Export("posix_spawn");

    private int _unshareError;
    private int _error;
    private int _pid;

    /// <summary>The errno of unshare(2), or 0; then what posix_spawn answered.</summary>
    internal (int UnshareError, int Error, int Pid) Outcome => (_unshareError, _error, _pid);

    internal void Give()
    {
        SpawningThread.PrepareForHelper();
        Spawn();
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Spawn()
    {
        if (_unshare(Native.CloneNewPid) != 0)
        {
            _unshareError = *_errno();
            return;
        }

        int pid;
        _error = _spawn(&pid, with.Path, with.Actions, with.Attributes, with.Arguments, with.Environment);
        _pid = pid;
    }
}
