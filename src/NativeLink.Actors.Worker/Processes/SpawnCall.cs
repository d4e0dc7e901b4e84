namespace NativeLink.Actors.Worker.Processes;

/// <summary>
/// One spawn, prepared; the containment makes it when the tree is ready. Used on one spawning
/// thread only, but for <see cref="KillWhileSpawning"/>.
/// </summary>
internal sealed unsafe class SpawnCall : IDisposable
{
    private readonly SpawnSteps _steps;

    // Whoever ends a child by what the kernel wrote down of it holds this, so that the descriptor
    // is not closed, and its number not somebody else's, meanwhile.
    private readonly Lock _gate = new();
    private SpawnStrings? _strings;
    private bool _complete;

    /// <param name="options">Null for the usual ones.</param>
    internal SpawnCall(ProcessLauncherOptions? options = null) =>
        _steps = new SpawnSteps(options ?? new ProcessLauncherOptions());

    /// <summary>The errno of the last spawn; 0 when it spawned.</summary>
    internal int Error { get; private set; }

    /// <summary>What the errno comes from.</summary>
    internal SpawnFailure Failure { get; private set; }

    /// <summary>
    /// Whether it failed because there was too little of
    /// something, of which there may be more in a moment.
    /// </summary>
    internal bool IsScarcity => Error is Errno.EAGAIN or Errno.ENOMEM or Errno.EMFILE or Errno.ENFILE;

    internal int Pid { get; private set; }

    /// <summary>The spawned process's, close-on-exec; the caller's from the spawn on.</summary>
    internal int PidFd { get; private set; } = -1;

    internal void Prepare(ProcessPlan plan, string program, SpawnStreams streams)
    {
        Begin(plan, program);
        _steps.ForProcess(plan, streams);
    }

    /// <summary>For a helper of the worker's own.</summary>
    /// <param name="socket">Both ways of it are its stdin and stdout.</param>
    internal void PrepareHelper(ProcessPlan plan, string program, int socket)
    {
        Begin(plan, program);
        _steps.ForHelper(plan, socket);
    }

    /// <summary>Adds a limit that the child sets itself before it executes its program.</summary>
    internal void Limit(int resource, ResourceLimit limit) => _steps.Limit(resource, limit);

    /// <summary>Spawns; true when there is a process.</summary>
    /// <param name="namespaces">CLONE_NEW… flags of the child.</param>
    /// <param name="cgroup">The directory of the cgroup that it is made in, or -1.</param>
    internal bool Spawn(int namespaces = 0, int cgroup = -1) => Made(SpawnRoutine.Run(Armed(namespaces, cgroup)));

    /// <summary>
    /// What <see cref="SpawnRoutine"/> is to be given, for one who calls it himself and tells its
    /// answer by <see cref="Made"/>.
    /// </summary>
    internal SpawnStep* Armed(int namespaces = 0, int cgroup = -1)
    {
        if (!_complete)
        {
            _steps.Execute(_strings!);
            _complete = true;
        }

        return _steps.Begin(namespaces, cgroup);
    }

    /// <returns>Whether there is a process.</returns>
    internal bool Made(nint answer)
    {
        (Pid, PidFd, Error, Failure) = (0, -1, 0, SpawnFailure.None);
        if (answer < 0)
        {
            (Error, Failure) = ((int)-answer, SpawnFailure.Child);
            // The kernel may have written a number down before it failed.
            lock (_gate) _steps.ForgetPidFd();
            return false;
        }

        (Pid, PidFd) = ((int)answer, _steps.PidFd);
        (Failure, Error) = _steps.Failed();
        if (Failure == SpawnFailure.None) return true;
        KillAndReap();
        return false;
    }

    /// <summary>
    /// Ends the child of a spawn that has not returned yet; nothing when there is none. Whoever
    /// calls this on another thread makes sure that the spawn does not return meanwhile.
    /// </summary>
    internal void KillWhileSpawning()
    {
        lock (_gate) _ = Libc.SendSignalTo(_steps.PidFd, Signals.Kill);
    }

    /// <summary>Ends a spawned process that may not go on.</summary>
    internal void KillAndReap()
    {
        _ = Libc.SendSignalTo(PidFd, Signals.Kill);
        Children.Reap(Pid, PidFd);
        lock (_gate)
        {
            _steps.ForgetPidFd();
            _ = Libc.Close(PidFd);
        }

        (Pid, PidFd) = (0, -1);
    }

    public void Dispose()
    {
        Release();
        _steps.Dispose();
    }

    private void Begin(ProcessPlan plan, string program)
    {
        Release();
        _steps.Clear();
        _strings = new SpawnStrings(program, plan);
        _complete = false;
    }

    private void Release()
    {
        _strings?.Dispose();
        _strings = null;
    }
}

/// <summary>
/// Where a child's stdout and stderr go: open descriptors
/// above those that it sets up, or -1 for /dev/null.
/// </summary>
internal readonly record struct SpawnStreams(int Stdout, int Stderr);
