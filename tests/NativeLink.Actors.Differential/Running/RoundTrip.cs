using NativeLink.Actors.Differential.Model;
using NativeLink.Actors.Testing.Workers;

namespace NativeLink.Actors.Differential.Running;

/// <summary>
/// Gives an action's outputs to a second action as its inputs: it lists them, and declares them as
/// its own outputs. Execute, upload, materialise and upload again must be the identity.
/// </summary>
internal sealed class RoundTrip
{
    private readonly Reapi.ActionResult _first;
    private readonly DirectoryItem _listed = new(0x1ED);
    private readonly DigestFunction _function;

    private RoundTrip(WorkerRig rig, Reapi.ActionResult first, Reapi.Command made, DigestFunction function)
    {
        (_first, _function) = (first, function);
        var root = new Reapi.Directory();
        var command = new Reapi.Command
        {
            EnvironmentVariables = { new Reapi.Command.Types.EnvironmentVariable
            {
                Name = "PATH",
                Value = "/usr/bin:/bin",
            } },
        };
        command.Arguments.AddRange(["/bin/sh", "-c", Listing.Command]);
        command.OutputNodeProperties.AddRange(made.OutputNodeProperties);
        foreach (var (name, directory) in Named("d", first.OutputDirectories))
        {
            var tree = Reapi.Tree.Parser.ParseFrom(rig.Cas.Blobs[Of(directory.TreeDigest)]);
            var children = tree.Children.ToDictionary(child => rig.Put(child, function));
            root.Directories.Add(new Reapi.DirectoryNode
            {
                Name = name,
                Digest = rig.Put(tree.Root, function).ToWire(),
            });
            _listed.Entries.Add(name, Item(tree.Root, children));
            command.OutputPaths.Add(name);
        }
        foreach (var (name, file) in Named("f", first.OutputFiles))
        {
            var node = new Reapi.FileNode
            {
                Name = name,
                Digest = file.Digest,
                IsExecutable = file.IsExecutable,
                NodeProperties = file.NodeProperties,
            };
            root.Files.Add(node);
            _listed.Entries.Add(name, Item(node));
            command.OutputPaths.Add(name);
        }
        foreach (var (name, link) in Named("l", first.OutputSymlinks))
        {
            root.Symlinks.Add(new Reapi.SymlinkNode { Name = name, Target = link.Target });
            _listed.Entries.Add(name, new LinkItem(link.Target));
            command.OutputPaths.Add(name);
        }
        Action = rig.Put(new Reapi.Action
        {
            CommandDigest = rig.Put(command, function).ToWire(),
            InputRootDigest = rig.Put(root, function).ToWire(),
        }, function);
    }

    public Digest Action { get; }

    /// <summary>Null when there is no output to go round.</summary>
    public static RoundTrip? Begin(WorkerRig rig, Reapi.ActionResult first, Reapi.Command made,
        DigestFunction function) =>
        first.OutputDirectories.Count + first.OutputFiles.Count + first.OutputSymlinks.Count == 0
            ? null
            : new RoundTrip(rig, first, made, function);

    public void Check(Wire.ExecuteResult answer, Action<string> differs)
    {
        if (answer.ExecuteResponse is not { Result: { ExitCode: 0 } result } response
            || (response.Status?.Code ?? 0) != 0)
        {
            differs($"the way back failed: {answer}");
            return;
        }
        if (Of(result.StdoutDigest) != Hashes.Of(Listing.Of(_listed), _function))
            differs("what was materialised again lists differently");
        Same("directories", _first.OutputDirectories.Select(one => one.TreeDigest),
            result.OutputDirectories.Select(one => one.TreeDigest), differs);
        Same("files", _first.OutputFiles.Select(Bare), result.OutputFiles.Select(Bare), differs);
        Same("symlinks", _first.OutputSymlinks.Select(one => one.Target),
            result.OutputSymlinks.Select(one => one.Target), differs);
    }

    private static Reapi.OutputFile Bare(Reapi.OutputFile file)
    {
        var bare = file.Clone();
        bare.Path = "";
        return bare;
    }

    private static void Same<T>(string what, IEnumerable<T> before, IEnumerable<T> after, Action<string> differs)
    {
        if (!before.SequenceEqual(after))
            differs(
                $"the {what} that came back are others: " +
                $"{string.Join(", ", before)}\n    became {string.Join(", ", after)}");
    }

    /// <summary>Names whose order is that of the list.</summary>
    private static IEnumerable<(string Name, T Item)> Named<T>(string prefix, IEnumerable<T> items) =>
        items.Select((item, index) => ($"{prefix}{index:000}", item));

    private Digest Of(Reapi.Digest wire) => Digest.FromWire(wire, _function, "an output");

    private DirectoryItem Item(Reapi.Directory directory, Dictionary<Digest, Reapi.Directory> children)
    {
        var item = new DirectoryItem(0x1ED);
        foreach (var file in directory.Files)
            item.Entries.Add(file.Name, Item(file));
        foreach (var child in directory.Directories)
            item.Entries.Add(child.Name, Item(children[Of(child.Digest)], children));
        foreach (var link in directory.Symlinks)
            item.Entries.Add(link.Name, new LinkItem(link.Target));
        return item;
    }

    /// <summary>protos/README.md 4.3: unix_mode, made executable where the node says so; else read-only.</summary>
    private static FileItem Item(Reapi.FileNode file) =>
        new([], file.NodeProperties is { UnixMode: { } mode }
            ? (mode & 0x1FF) | (file.IsExecutable ? 0x49u : 0)
            : file.IsExecutable ? 0x16Du : 0x124u, own: false);
}
