using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.Win32.SafeHandles;

namespace NativeLink.Actors.Worker.Outputs;

/// <summary>
/// Finds a command's outputs (wire contract 4.6). lstat decides what a path is. The directory that holds an output is opened first and the kernel is
/// asked where it really is: outside the root nothing is looked at, whatever symlinks led there.
/// </summary>
internal sealed class OutputScanner
{
    private const int DeepestLevel = 500;
    private const int MostEntries = 2_000_000;

    private readonly UploadPlan _plan;
    private readonly SafeFileHandle _root;
    private readonly string _realRoot;
    private readonly bool _withTime;
    private readonly bool _withMode;
    private readonly ScannedOutputs _found = new();
    private int _entries;

    private OutputScanner(UploadPlan plan, SafeFileHandle root)
    {
        (_plan, _root) = (plan, root);
        _realRoot = NativeFiles.RealPath(root);
        _withTime = plan.Command.OutputNodeProperties.Contains("mtime");
        _withMode = plan.Command.OutputNodeProperties.Contains("unix_mode");
    }

    /// <exception cref="FaultException">Action: a path or a name that no output may have. Worker: a fifo, socket or device (code INTERNAL), or a failing disk.</exception>
    public static ScannedOutputs Scan(UploadPlan plan)
    {
        // An action can put a link in the place of its root: what that leads to is no output, and must not be moved from where it is.
        using var root = NativeFiles.OpenRoot(plan.Root);
        if (root is null)
        {
            var nothing = new ScannedOutputs();
            nothing.LeftOut.Add($"no outputs: the action removed or replaced its input root '{plan.Root}'");
            return nothing;
        }
        var scanner = new OutputScanner(plan, root);
        foreach (var path in PathsOf(plan.Command).Distinct(StringComparer.Ordinal))
            scanner.ScanPath(path);
        return scanner._found;
    }

#pragma warning disable CS0612 // Deprecated in REAPI, but older clients send these lists.
    private static IEnumerable<string> PathsOf(Reapi.Command command) =>
        command.OutputPaths.Count > 0 ? command.OutputPaths : command.OutputFiles.Concat(command.OutputDirectories);
#pragma warning restore CS0612

    private void ScanPath(string path)
    {
        var full = OutputPaths.Join(_plan.Command.WorkingDirectory, path);
        var (parentPath, name) = OutputPaths.Split(full);
        using var parent = NativeFiles.OpenPlace(_root, parentPath);
        if (parent is null)
            return;
        var real = NativeFiles.RealPath(parent);
        if (real != _realRoot && !real.StartsWith(_realRoot + "/", StringComparison.Ordinal))
        {
            _found.LeftOut.Add($"output '{path}' is left out: its directory is '{real}', outside the input root");
            return;
        }
        var location = _plan.Root.TrimEnd('/') + real[_realRoot.Length..] + (name.Length == 0 ? "" : "/" + name);
        var status = NativeFiles.Status(parent, name, follow: false);
        if (status.Kind == FileKind.Symlink)
            AddLink(path, parent, name, location, status);
        else
            AddNode(path, parent, name, location, status, follow: false);
    }

    private void AddLink(string path, SafeFileHandle parent, string name, string location, FileStatus status)
    {
        var target = NativeFiles.ReadLink(parent, name);
        var followed = NativeFiles.Status(parent, name, follow: true);
        if (target.StartsWith('/'))
            AddNode(path, parent, name, location, followed, follow: true);
        else
            _found.Links.Add((path, new ScannedLink(target, followed.Kind == FileKind.Directory, PropertiesOf(status, withMode: false))));
    }

    private void AddNode(string path, SafeFileHandle parent, string name, string location, FileStatus status, bool follow)
    {
        switch (status.Kind)
        {
            case FileKind.Regular:
                _found.Files.Add((path, NewFile(location, status, follow)));
                break;
            case FileKind.Directory:
                using (var place = NativeFiles.OpenPlace(parent, name.Length == 0 ? "." : name))
                {
                    if (place is not null)
                        _found.Directories.Add((path, ScanDirectory(place, ".", follow ? NativeFiles.RealPath(place) : location, status, 0)));
                }
                break;
            case FileKind.Special when status.IsNull && follow:
                _found.Files.Add((path, new ScannedFile("", false, false, PropertiesOf(status, _withMode), null)));
                break;
            case FileKind.Special:
                throw new FaultException(new Fault(FaultKind.Worker, $"output '{path}' is a fifo, socket or device, which cannot be uploaded")
                {
                    Code = StatusCode.Internal,
                });
        }
    }

    private ScannedDirectory ScanDirectory(SafeFileHandle parent, string name, string location, FileStatus status, int depth)
    {
        if (depth > DeepestLevel)
            throw new FaultException(FaultKind.Action, $"output directory '{NativeFiles.Short(location)}' is more than {DeepestLevel} levels deep");
        using var directory = NativeFiles.OpenDirectory(parent, name)
            ?? throw NativeFiles.CannotOpen($"output directory '{NativeFiles.Short(location)}' cannot be opened");
        var result = new ScannedDirectory { Properties = PropertiesOf(status, _withMode) };
        var names = NativeFiles.Names(directory);
        names.Sort(Utf8Order.Instance);
        if ((_entries += names.Count) > MostEntries)
            throw new FaultException(FaultKind.Action, $"the output directories hold more than {MostEntries} entries");
        foreach (var entry in names)
        {
            var child = location + "/" + entry;
            var found = NativeFiles.Status(directory, entry, follow: false);
            switch (found.Kind)
            {
                case FileKind.Regular:
                    result.Files.Add((entry, NewFile(child, found, follow: false)));
                    break;
                case FileKind.Directory:
                    result.Directories.Add((entry, ScanDirectory(directory, entry, child, found, depth + 1)));
                    break;
                case FileKind.Symlink:
                    var target = OutputPaths.MakeRelative(NativeFiles.ReadLink(directory, entry), location, _plan.Root);
                    result.Links.Add((entry, new ScannedLink(target, false, PropertiesOf(found, withMode: false))));
                    break;
            }
        }
        return result;
    }

    private ScannedFile NewFile(string location, FileStatus status, bool follow)
    {
        // A second name elsewhere could still change what the store would take for its own.
        var moveFrom = !follow && status.Links == 1 ? _plan.WhereToMoveFrom(location) : null;
        var file = new ScannedFile(location, follow, (status.Mode & 0x49) != 0, PropertiesOf(status, _withMode), moveFrom);
        _found.AllFiles.Add(file);
        return file;
    }

    private Reapi.NodeProperties? PropertiesOf(FileStatus status, bool withMode)
    {
        if (!_withTime && !withMode)
            return null;
        var properties = new Reapi.NodeProperties();
        if (_withTime)
            properties.Mtime = new Timestamp { Seconds = status.Seconds, Nanos = (int)status.Nanoseconds };
        if (withMode)
            properties.UnixMode = status.Mode;
        return properties;
    }
}
