using System.Runtime.CompilerServices;

namespace NativeLink.Actors.Worker.Processes.Containment;

/// <summary>
/// Spawns into PID namespaces, on a second thread: a thread whose children go to another PID
/// namespace cannot start threads (clone(2), EINVAL), which in this runtime any thread may have to
/// at any time, as when it queues work or when a method it calls becomes hot; and an ordinary
/// user's thread does not come back, as the worker's own namespace is not his (setns(2)). So the
/// second thread only waits, enters, spawns, in one method that is compiled ahead and calls nothing
/// managed.
/// </summary>
internal sealed unsafe class NamespaceLane : ILaneContainment
{
    private const int MostAttempts = 3;

    private readonly PidNamespacePool _pool;
    private readonly int _go = Libc.EventFd(0, OpenFlags.CloseOnExec);
    private readonly int _done = Libc.EventFd(0, OpenFlags.CloseOnExec);
    private readonly int _kinds;
    private readonly Thread _spawner;
    private volatile int _spawnerId;
    private volatile bool _stopping;
    private int _space;
    private SpawnStep* _steps;
    private int _entered;
    private nint _answer;

    internal NamespaceLane(PidNamespacePool pool)
    {
        (_pool, _kinds) = (pool, pool.Kinds);
        try
        {
            if (_go < 0 || _done < 0)
                throw new FaultException(FaultKind.Worker, "there is no descriptor for a thread that spawns");
            _spawner = WorkerThread.Start(RunSpawner, "spawner");
        }
        catch
        {
            Close();
            throw;
        }

        Await();
    }

    public IProcessTree? Spawn(SpawnCall call)
    {
        for (var attempt = 1; ; attempt++)
        {
            var space = _pool.Take();
            _space = space.PidFd;
            _steps = call.Armed();
            Go();
            Await();
            if (_entered == 0 && call.Made(_answer)) return new PidNamespaceTree(_pool, space, _spawnerId, call.Pid);
            if (_entered == 0 && !space.HasEnded())
            {
                _pool.GiveBack(space);
                return null;
            }

            // Its holder was killed from outside, or nobody may enter: with another one it is tried again.
            space.End();
            if (attempt == MostAttempts)
                throw new FaultException(FaultKind.Worker, "a new process cannot be put into its PID namespace");
        }
    }

    public void Dispose()
    {
        _stopping = true;
        Go();
        _spawner.Join();
        Close();
    }

    private void Close()
    {
        foreach (var fd in (ReadOnlySpan<int>)[_go, _done])
            if (fd >= 0) _ = Libc.Close(fd);
    }

    private void Go()
    {
        long one = 1;
        _ = Libc.Write(_go, &one, sizeof(long));
    }

    private void Await()
    {
        long count;
        while (Libc.Read(_done, &count, sizeof(long)) != sizeof(long))
        {
            // Interrupted by a signal.
        }
    }

    private void RunSpawner()
    {
        SpawningThread.Prepare();
        _spawnerId = Libc.ThreadId();
        SpawnUntilStopped(
            (delegate* unmanaged<int, void*, nuint, nint>)Libc.AddressOf("read"),
            (delegate* unmanaged<int, void*, nuint, nint>)Libc.AddressOf("write"),
            (delegate* unmanaged<int, int, int>)Libc.AddressOf("setns"),
            SpawnRoutine.Run);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void SpawnUntilStopped(
        delegate* unmanaged<int, void*, nuint, nint> read,
        delegate* unmanaged<int, void*, nuint, nint> write,
        delegate* unmanaged<int, int, int> enter,
        delegate* unmanaged<SpawnStep*, nint> spawn)
    {
        long one = 1;
        while (true)
        {
            while (write(_done, &one, sizeof(long)) != sizeof(long))
            {
            }

            long count;
            while (read(_go, &count, sizeof(long)) != sizeof(long))
            {
            }

            if (_stopping) return;
            _entered = enter(_space, _kinds);
            if (_entered == 0) _answer = spawn(_steps);
        }
    }
}
