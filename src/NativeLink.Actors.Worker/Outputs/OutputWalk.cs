using System.Runtime.InteropServices;
using Google.Protobuf.WellKnownTypes;

namespace NativeLink.Actors.Worker.Outputs;

/// <summary>
/// Looks at files and directories of outputs, each once however many paths lead to it. Relative
/// symlinks stay as they are. Absolute ones mean nothing on another machine: one that leads to
/// somewhere in the same output directory becomes relative, any other is replaced by a copy of what
/// it leads to, and one that leads nowhere, or to what cannot be read, is left out. Where a file
/// was declared and a directory is found, all of them are copied: whoever declared it expects no
/// links that he has to follow inside. Only what cannot be copied whole, because it leads round in
/// a circle, becomes relative there too.
/// </summary>
internal sealed class OutputWalk(IOutputFiles files, UploadPlan plan, Action<string> leaveOut)
{
    // A descriptor and a frame of the stack are held for each level; what goes in may be deeper (MaxDepth in
    // Storage/Trees/TreeLimits.cs).
    private const int DeepestLevel = 500;
    private const int MostEntries = 2_000_000;

    private readonly bool _withTime = plan.Command.OutputNodeProperties.Contains("mtime");
    private readonly bool _withMode = plan.Command.OutputNodeProperties.Contains("unix_mode");
    private readonly Dictionary<FileIdentity, ScannedFile> _files = [];
    private readonly Dictionary<(FileIdentity Directory, bool Copied, bool AsFile), ScannedDirectory> _directories = [];

    // The directories that are being looked at right now: a link to one of them leads round in a circle.
    private readonly HashSet<FileIdentity> _open = [];
    private long _entries;
    private int _circles;

    /// <summary>An output, or the copy of one: where it is, and what counts as inside.</summary>
    /// <param name="Location">The path by which its files are opened.</param>
    /// <param name="Real">Its path as the kernel sees it.</param>
    /// <param name="Copied">A link led here: what is not readable,
    /// and what leads out of it, is not the action's own.</param>
    /// <param name="AsFile">It was declared as a file.</param>
    /// <param name="Whole"> It may be replaced by a relative link, so that it is given up where
    /// anything in it would be left out. Where links lead round in a circle this also keeps the
    /// walk from trying each way round. </param>
    private sealed record Top(string Location, string Real, bool Copied, bool AsFile, bool Whole = false);

    /// <summary>A regular file.</summary>
    /// <param name="movable">Whether it is the action's own, so that it may be moved into the store.</param>
    public ScannedFile FileOf(string location, in FileStatus status, bool movable)
    {
        if (_files.TryGetValue(status.Identity, out var known))
            return known;
        // A second name elsewhere could still change what the store would take for its own.
        var moveFrom = movable && status.Links == 1 ? plan.UpperLayerPath(location) : null;
        var file = new ScannedFile(location, (status.Mode & 0x49) != 0, PropertiesOf(status, _withMode), moveFrom)
        {
            Size = status.Size,
        };
        _files.Add(status.Identity, file);
        return file;
    }

    public ScannedFile EmptyFile(in FileStatus status) => new("", false, PropertiesOf(status, _withMode), null)
    {
        Digest = Digest.Empty(plan.DigestFunction),
    };

    /// <summary>A directory that the action made.</summary>
    /// <param name="asFile">It was declared as a file.</param>
    public ScannedDirectory DirectoryOf(
        SafeHandle place, string location, string real, in FileStatus status, bool asFile) =>
        TopOf(place, new Top(location, real, Copied: false, asFile), status);

    /// <summary>A copy of what a link leads to; null, and why, when it cannot be had whole.</summary>
    public (ScannedFile? File, ScannedDirectory? Directory)? TryCopy(
        FollowedLink link, bool asFile, out string whyNot) => TryCopy(link, asFile, whole: false, out whyNot);

    private (ScannedFile? File, ScannedDirectory? Directory)? TryCopy(
        FollowedLink link, bool asFile, bool whole, out string whyNot)
    {
        whyNot = "";
        try
        {
            return link.Status.Kind == FileKind.Regular
                ? (FileOf(link.RealPath, link.Status, movable: false), null)
                : (null, TopOf(link.Target, new Top(link.RealPath, link.RealPath, Copied: true, asFile, whole),
                    link.Status));
        }
        catch (FaultException error) when (error.Fault.Kind == FaultKind.Action && _entries <= MostEntries)
        {
            whyNot = error.Fault.Detail;
            return null;
        }
    }

    public Reapi.NodeProperties? PropertiesOf(in FileStatus status, bool withMode)
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

    private ScannedDirectory TopOf(SafeHandle place, Top top, in FileStatus status)
    {
        if (_directories.TryGetValue((status.Identity, top.Copied, top.AsFile), out var known))
        {
            Count(known.Entries);
            return known;
        }
        var circles = _circles;
        var scanned = Scan(place, ".", top, "", status, 0);
        // What was cut short because it led round in a circle is whole when it is met from elsewhere.
        if (circles == _circles)
            _directories.Add((status.Identity, top.Copied, top.AsFile), scanned);
        return scanned;
    }

    private ScannedDirectory Scan(
        SafeHandle parent, string name, Top top, string below, in FileStatus status, int depth)
    {
        var location = top.Location + below;
        if (depth > DeepestLevel)
            throw new FaultException(FaultKind.Action,
                $"output directory '{OutputPaths.Short(location)}' is more than {DeepestLevel} levels deep");
        if (!_open.Add(status.Identity))
        {
            _circles++;
            throw new FaultException(FaultKind.Action, $"'{OutputPaths.Short(location)}' leads round in a circle");
        }
        try
        {
            using var directory = files.OpenDirectory(parent, name, location);
            if (top.Copied && files.IsInProc(directory))
                throw new FaultException(FaultKind.Action, $"'{OutputPaths.Short(location)}' is a view of processes");
            var result = new ScannedDirectory { Properties = PropertiesOf(status, _withMode) };
            var names = files.Names(directory);
            names.Sort(Utf8Order.Instance);
            Count(names.Count);
            result.Entries = names.Count;
            foreach (var entry in names)
                AddEntry(result, directory, entry, top, $"{below}/{entry}", depth);
            return result;
        }
        finally
        {
            _open.Remove(status.Identity);
        }
    }

    private void AddEntry(ScannedDirectory result, SafeHandle directory, string name, Top top, string below, int depth)
    {
        var status = files.Status(directory, name, follow: false);
        switch (status.Kind)
        {
            case FileKind.Regular:
                if (top.Copied)
                    RequireReadable(directory, name, top.Location + below);
                result.Files.Add((name, FileOf(top.Location + below, status, movable: !top.Copied)));
                break;
            case FileKind.Directory:
                result.Add(name, Scan(directory, name, top, below, status, depth + 1));
                break;
            case FileKind.Symlink:
                AddLink(result, directory, name, top, below, status);
                break;
        }
    }

    private void AddLink(
        ScannedDirectory result, SafeHandle directory, string name, Top top, string below, in FileStatus status)
    {
        var text = files.ReadLink(directory, name);
        var isAbsolute = text.StartsWith('/');
        if (!isAbsolute && !top.Copied)
        {
            result.Links.Add((name, new ScannedLink(text, false, PropertiesOf(status, withMode: false))));
            return;
        }
        using var link = FollowedLink.Open(files, directory, name, out var whyNot);
        var inside = link is not null && OutputPaths.IsInside(link.RealPath, top.Real);
        // In a copy a relative link out of it would lead to elsewhere than where it led.
        if (!isAbsolute && (link is null || inside))
            result.Links.Add((name, new ScannedLink(text, false, PropertiesOf(status, withMode: false))));
        else if (link is not null && (!inside || top.AsFile) && TryAddCopy(result, name, link, top with
        {
            Whole = top.Whole || inside,
        }, out whyNot))
            return;
        else if (inside)
            result.Links.Add(
                (name, new ScannedLink(RelativeTo(directory, text, top, below, link!), false,
                    PropertiesOf(status, withMode: false))));
        else if (link is not null && top.Whole)
            throw new FaultException(FaultKind.Action, whyNot);
        else
            leaveOut(
                $"'{OutputPaths.Short(top.Location + below)}' is left out: " +
                $"its target '{OutputPaths.Short(text)}' cannot be had: {whyNot}");
    }

    private bool TryAddCopy(ScannedDirectory result, string name, FollowedLink link, Top from, out string whyNot)
    {
        whyNot = "it is a fifo, socket or device";
        if (link.Status.IsNull)
            result.Files.Add((name, EmptyFile(link.Status)));
        else if (link.Status.Kind == FileKind.Special
            || TryCopy(link, from.AsFile, from.Whole, out whyNot) is not { } copy)
            return false;
        else if (copy.Directory is { } directory)
            result.Add(name, directory);
        else
            result.Files.Add((name, copy.File!));
        return true;
    }

    /// <summary>
    /// A relative text for a link whose target lies in the same output: by the names of the old one
    /// where they lead to the same, else by the real ones.
    /// </summary>
    private string RelativeTo(SafeHandle directory, string text, Top top, string below, FollowedLink link)
    {
        var from = below[..below.LastIndexOf('/')];
        foreach (var start in (string[])[top.Location, top.Real])
        {
            if (OutputPaths.IsInside(text, start)
                && Path.GetRelativePath(start + from, Path.GetFullPath(text)) is var relative
                && files.Status(directory, relative, follow: true).Identity == link.Status.Identity)
                return relative;
        }
        return Path.GetRelativePath(top.Real + from, link.RealPath);
    }

    private void RequireReadable(SafeHandle directory, string name, string location)
    {
        using var file = files.OpenPath(directory, name);
        var whyNot = "it is gone";
        if (file is null || !files.MayRead(file, out whyNot))
            throw new FaultException(FaultKind.Action, $"'{OutputPaths.Short(location)}' cannot be read: {whyNot}");
    }

    private void Count(long entries)
    {
        if ((_entries += entries) > MostEntries)
            throw new FaultException(FaultKind.Action, $"the output directories hold more than {MostEntries} entries");
    }
}
