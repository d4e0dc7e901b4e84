using NativeLink.Actors.Storage.Materialisers;
using NativeLink.Actors.Storage.WorkDirectories;
using NativeLink.Actors.Worker.Operations;

namespace NativeLink.Actors.Worker.Tests.Simulation;

/// <summary>
/// Attempt directories on the simulated disk: each goes when it is disposed of and nothing is being made in it any
/// more.
/// </summary>
internal sealed class SimDirectories(SimWorld world) : IActionDirectories
{
    public const string Work = "/work";

    public IActionDirectory New(AttemptId attempt) =>
        new OfAttempt(world, $"{Work}/{world.Trace.Own(attempt.ToString())}");

    private sealed class OfAttempt(SimWorld world, string path) : IActionDirectory, IStagingDirectory
    {
        private IInputRoot? _root;
        private bool _making;
        private bool _disposed;

        public string Path => path;

        public IStagingDirectory Staging => this;

        public string ScriptStdoutPath => throw new NotSupportedException("no script runs here");

        public string ScriptStderrPath => throw new NotSupportedException("no script runs here");

        public RunFindings Inspect(IInputRoot root, bool hasSideChannel)
        {
            world.Trace.Add($"disk inspect {path}");
            IActionDirectory self = this;
            return new RunFindings(world.Disk.LengthOf(self.StdoutPath) + world.Disk.LengthOf(self.StderrPath), false,
                null, null);
        }

        public ScriptFindings TakeScript() => ScriptFindings.None;

        public void Account(long bytes)
        {
        }

        public async Task<IInputRoot> StageAsync(Func<string, Task<IInputRoot>> make)
        {
            if (_disposed)
                throw new FaultException(FaultKind.Aborted, $"{path} has been given up");
            if (_making || _root is not null)
                world.Wrong.Add($"{path} was made twice");
            _making = true;
            world.Trace.Add($"disk make {path}");
            world.Disk.MakeDirectory(path);
            try
            {
                return _root = await make($"{path}/work");
            }
            finally
            {
                _making = false;
                if (_disposed)
                    Remove();
            }
        }

        public void Dispose()
        {
            if (_disposed)
                return;
            _disposed = true;
            if (!_making)
                Remove();
        }

        private void Remove()
        {
            world.Trace.Add($"disk remove {path}");
            _root?.Dispose();
            world.Disk.Delete(path);
        }
    }
}
