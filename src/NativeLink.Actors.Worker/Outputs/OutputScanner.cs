using System.Runtime.InteropServices;
using Grpc.Core;

namespace NativeLink.Actors.Worker.Outputs;

/// <summary>
/// Finds a command's outputs (protos/README.md 4.6). lstat decides what a path is. The directory
/// that holds an output is opened first and the kernel is asked where it really is: outside the
/// root nothing is looked at, whatever symlinks led there.
/// </summary>
internal sealed class OutputScanner
{
    private readonly IOutputFiles _files;
    private readonly UploadPlan _plan;
    private readonly SafeHandle _root;
    private readonly string _realRoot;
    private readonly OutputWalk _walk;
    private readonly ScannedOutputs _found = new();

    private OutputScanner(IOutputFiles files, UploadPlan plan, SafeHandle root)
    {
        (_files, _plan, _root) = (files, plan, root);
        _realRoot = _files.RealPath(root);
        _walk = new OutputWalk(files, plan, _found.LeftOut.Add);
    }

    /// <exception cref="FaultException">Action: a path or a name that no output may have. Worker: a
    /// fifo, socket or device (code INTERNAL), or a failing disk.</exception>
    public static ScannedOutputs Scan(IOutputFiles files, UploadPlan plan)
    {
        // An action can put a link in the place of its root: what that leads to is no output, and
        // must not be moved from where it is.
        using var root = files.OpenRoot(plan.Root);
        if (root is null)
        {
            var nothing = new ScannedOutputs();
            nothing.LeftOut.Add($"no outputs: the action removed or replaced its input root '{plan.Root}'");
            return nothing;
        }
        var scanner = new OutputScanner(files, plan, root);
        foreach (var (path, asFile) in PathsOf(plan.Command)
            .DistinctBy(static output => output.Path, StringComparer.Ordinal))
            scanner.ScanPath(path, asFile);
        scanner._found.CollectFiles();
        return scanner._found;
    }

#pragma warning disable CS0612 // Deprecated in REAPI, but older clients send these lists.
    private static IEnumerable<(string Path, bool AsFile)> PathsOf(Reapi.Command command) =>
        command.OutputPaths.Count > 0
        ? command.OutputPaths.Select(static path => (path, false))
        : command.OutputFiles.Select(static path => (path, true))
            .Concat(command.OutputDirectories.Select(static path => (path, false)));
#pragma warning restore CS0612

    private void ScanPath(string path, bool asFile)
    {
        var full = OutputPaths.Join(_plan.Command.WorkingDirectory, path);
        var (parentPath, name) = OutputPaths.Split(full);
        using var parent = _files.OpenPlace(_root, parentPath);
        if (parent is null)
            return;
        var real = _files.RealPath(parent);
        if (!OutputPaths.IsInside(real, _realRoot))
        {
            _found.LeftOut.Add($"output '{path}' is left out: its directory is '{real}', outside the input root");
            return;
        }
        var location = _plan.Root.TrimEnd('/') + real[_realRoot.Length..] + (name.Length == 0 ? "" : "/" + name);
        var status = _files.Status(parent, name, follow: false);
        if (status.Kind == FileKind.Symlink)
            AddLink(path, parent, name, status, asFile);
        else
            AddNode(path, parent, name, location, name.Length == 0 ? real : $"{real.TrimEnd('/')}/{name}", status,
                asFile);
    }

    private void AddLink(string path, SafeHandle parent, string name, in FileStatus status, bool asFile)
    {
        var target = _files.ReadLink(parent, name);
        if (!target.StartsWith('/'))
        {
            var followed = _files.Status(parent, name, follow: true);
            _found.Links.Add(
                (path, new ScannedLink(target, followed.Kind == FileKind.Directory,
                    _walk.PropertiesOf(status, withMode: false))));
            return;
        }
        using var followedLink = FollowedLink.Open(_files, parent, name, out var whyNot);
        if (followedLink is { Status.Kind: FileKind.Special })
            AddSpecial(path, followedLink.Status, follow: true);
        else if (followedLink is null || _walk.TryCopy(followedLink, asFile, out whyNot) is not { } copy)
            _found.LeftOut.Add(
                $"output '{path}' is left out: its target '{OutputPaths.Short(target)}' cannot be had: {whyNot}");
        else if (copy.Directory is { } directory)
            _found.Directories.Add((path, directory));
        else
            _found.Files.Add((path, copy.File!));
    }

    private void AddNode(
        string path, SafeHandle parent, string name, string location, string real, in FileStatus status, bool asFile)
    {
        switch (status.Kind)
        {
            case FileKind.Regular:
                _found.Files.Add((path, _walk.FileOf(location, status, movable: true)));
                break;
            case FileKind.Directory:
                using (var place = _files.OpenPlace(parent, name.Length == 0 ? "." : name))
                {
                    if (place is not null)
                        _found.Directories.Add((path, _walk.DirectoryOf(place, location, real, status, asFile)));
                }
                break;
            case FileKind.Special:
                AddSpecial(path, status, follow: false);
                break;
        }
    }

    private void AddSpecial(string path, in FileStatus status, bool follow)
    {
        if (!status.IsNull || !follow)
            throw new FaultException(
                new Fault(FaultKind.Worker, $"output '{path}' is a fifo, socket or device, which cannot be uploaded")
                {
                    Code = StatusCode.Internal,
                });
        _found.Files.Add((path, _walk.EmptyFile(status)));
    }
}
