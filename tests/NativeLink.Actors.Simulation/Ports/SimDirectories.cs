using NativeLink.Actors.Simulation.World;
using NativeLink.Actors.Storage.Materialisers;
using NativeLink.Actors.Storage.WorkDirectories;
using NativeLink.Actors.Worker.Operations;

namespace NativeLink.Actors.Simulation.Ports;

/// <summary>
/// Attempt directories on a host's disk: each goes when it is disposed of and nothing is being made in it any more, and
/// a moment later, as deleting takes its time.
/// </summary>
/// <param name="world">The run's.</param>
/// <param name="disk">The host's.</param>
/// <param name="nameOf">What an attempt's directory is called.</param>
internal sealed class SimDirectories(SimWorld world, SimDisk disk, Func<AttemptId, string> nameOf) : IActionDirectories
{
    public const string Work = "/attempts";

    public IActionDirectory New(AttemptId attempt) => new OfAttempt(world, disk, $"{Work}/{nameOf(attempt)}");

    private sealed class OfAttempt(SimWorld world, SimDisk disk, string path) : IActionDirectory, IStagingDirectory
    {
        private IInputRoot? _root;
        private bool _making;
        private int _inside;
        private bool _disposed;

        public string Path => path;

        public IStagingDirectory Staging => this;

        public string ScriptStdoutPath => $"{path}.script";

        public string ScriptStderrPath => ScriptStdoutPath;

        public Func<Action?> Enter()
        {
            if (_disposed)
                throw new FaultException(FaultKind.Aborted, $"{path} has been given up");
            _inside++;
            return Leave;
        }

        public RunFindings Inspect(IInputRoot root, bool hasSideChannel)
        {
            world.Trace.Add($"disk inspect {path}");
            IActionDirectory self = this;
            return new RunFindings(disk.LengthOf(self.StdoutPath) + disk.LengthOf(self.StderrPath), false, null, null);
        }

        public ScriptFindings TakeScript() => ScriptFindings.None;

        public void Account(long bytes)
        {
        }

        public async Task<IInputRoot> StageAsync(Func<string, Task<IInputRoot>> make)
        {
            if (_disposed)
                throw new FaultException(FaultKind.Aborted, $"{path} has been given up");
            if (_making || _root is not null || disk.Exists(path))
                world.Violate($"{path} was made twice");
            if (world.Strike(SimFault.NoDescriptor, path))
                throw DiskFault.Of($"{path} cannot be opened", Errno.EMFILE);
            _making = true;
            world.Trace.Add($"disk make {path}");
            disk.MakeDirectory(path);
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
            if (!_making && _inside == 0)
                Remove();
        }

        private Action? Leave() => --_inside == 0 && _disposed ? Remove : null;

        private void Remove()
        {
            world.Trace.Add($"disk remove {path}");
            _root?.Dispose();
            world.Time.After(world.Some(0, 50), () => disk.Delete(path));
        }
    }
}
