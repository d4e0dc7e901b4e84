using NativeLink.Actors.Storage.Materialisers;
using NativeLink.Actors.Storage.WorkDirectories;
using NativeLink.Actors.Worker.Telemetry;

namespace NativeLink.Actors.Worker.Operations;

/// <summary>Action directories in a worker's <see cref="WorkDirectory"/>.</summary>
internal sealed class ActionDirectories : IActionDirectories
{
    private readonly WorkDirectory _work;
    private readonly Func<string, bool>? _makeRoom;

    /// <param name="work">Stays its owner's.</param>
    /// <param name="makeRoom">Asked, with a path on a full disk, to give something up there;
    /// answers whether it did.</param>
    public ActionDirectories(WorkDirectory work, Func<string, bool>? makeRoom = null)
    {
        (_work, _makeRoom) = (work, makeRoom);
        // What is no action has a name that starts with a dot, so that nobody takes it for one.
        ScratchDirectory = Path.Combine(work.Path, ".scripts");
        Directory.CreateDirectory(ScratchDirectory);
    }

    /// <summary>Absolute path of a directory for the small outputs of scripts.</summary>
    public string ScratchDirectory { get; }

    public IActionDirectory New(AttemptId attempt) =>
        new OfAttempt(_work.NewActionDirectory(attempt, _makeRoom),
            Path.Combine(ScratchDirectory, WorkDirectory.SafeName(attempt.ToString())));

    private sealed class OfAttempt(ActionDirectory directory, string scratch) : IActionDirectory
    {
        private long _bytes;

        public string ScriptStdoutPath => scratch + ".stdout";

        public string ScriptStderrPath => scratch + ".stderr";

        public string Path => directory.Path;

        public IStagingDirectory Staging => directory;

        public Func<Action?> Enter() => directory.Enter();

        public RunFindings Inspect(IInputRoot root, bool hasSideChannel) =>
            RunFindings.Read(this, root, hasSideChannel);

        public ScriptFindings TakeScript() => ScriptFindings.Take(this);

        public void Account(long bytes)
        {
            Interlocked.Add(ref _bytes, bytes);
            WorkerMetrics.ChangeWorkingDirectorySize(bytes);
        }

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _bytes, 0) is not 0 and var bytes)
                WorkerMetrics.ChangeWorkingDirectorySize(-bytes);
            directory.Dispose();
        }
    }
}
