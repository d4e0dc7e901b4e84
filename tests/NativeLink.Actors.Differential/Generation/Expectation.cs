using Google.Protobuf;
using NativeLink.Actors.Differential.Model;
using NativeLink.Actors.Testing.Workers;

namespace NativeLink.Actors.Differential.Generation;

/// <summary>Every blob that an action needs, and the result that must come of it, for one digest function.</summary>
internal sealed class Expectation
{
    private readonly DigestFunction _function;
    private readonly GeneratedAction _action;
    private readonly bool _withMode;

    public Expectation(GeneratedAction action, DigestFunction function)
    {
        (_action, _function, _withMode) = (action, function, action.Command.OutputNodeProperties.Contains("unix_mode"));
        var message = new Reapi.Action
        {
            CommandDigest = Need(action.Command),
            InputRootDigest = InputDirectory(action.Input),
            Timeout = ActionGenerator.Timeout(action.Ending),
        };
        Action = Digest.FromWire(Need(message), function, "the action");
        if (action.Ending == Ending.MissingInput)
        {
            var missing = Hashes.Of(((FileItem)action.Input.Entries["missing"]).Content, function);
            Needed.Remove(missing);
            Missing = missing;
        }
        Result = ExpectedResult();
    }

    public GeneratedAction Generated => _action;

    public Digest Action { get; }

    /// <summary>What has to be in the CAS before.</summary>
    public Dictionary<Digest, byte[]> Needed { get; } = [];

    /// <summary>What has to be in the CAS after.</summary>
    public Dictionary<Digest, byte[]> Made { get; } = [];

    public Digest? Missing { get; }

    /// <summary>Without metadata, and without tree digests: a Tree's children have no prescribed order.</summary>
    public Reapi.ActionResult Result { get; }

    /// <summary>The output directories by their paths: the root, then all that is below it, each once.</summary>
    public Dictionary<string, (Reapi.Directory Root, Dictionary<Digest, Reapi.Directory> Below)> Trees { get; } = [];

    /// <summary>Whether an output is a fifo, which no result can tell.</summary>
    public bool IsFifo { get; private set; }

    private bool Ran => _action.Ending is Ending.Exit or Ending.Signal or Ending.Timeout or Ending.NoProgram;

    private Reapi.Digest Need(IMessage message) => Keep(message.ToByteArray(), Needed);

    private Reapi.Digest Keep(byte[] content, Dictionary<Digest, byte[]> where)
    {
        var digest = Hashes.Of(content, _function);
        where[digest] = content;
        return digest.ToWire();
    }

    private Reapi.Digest InputDirectory(DirectoryItem directory)
    {
        var message = new Reapi.Directory();
        foreach (var (name, node) in directory.Entries)
        {
            switch (node)
            {
                case FileItem file:
                    message.Files.Add(new Reapi.FileNode
                    {
                        Name = name,
                        Digest = Keep(file.Content, Needed),
                        IsExecutable = file.IsExecutable,
                        // The rights of group and others to execute come from is_executable.
                        NodeProperties = file.Own ? new Reapi.NodeProperties { UnixMode = file.Mode & ~0x9u } : null,
                    });
                    break;
                case DirectoryItem child:
                    message.Directories.Add(new Reapi.DirectoryNode { Name = name, Digest = InputDirectory(child) });
                    break;
                case LinkItem link:
                    message.Symlinks.Add(new Reapi.SymlinkNode { Name = name, Target = link.Target });
                    break;
            }
        }
        return Need(message);
    }

    private Reapi.ActionResult ExpectedResult()
    {
        var result = new Reapi.ActionResult
        {
            ExitCode = Ran ? _action.ExitCode : -178,
            StdoutDigest = Keep(_action.Stdout, Made),
            StderrDigest = Keep(_action.Stderr, Made),
        };
        if (!Ran)
            return result;
#pragma warning disable CS0612 // What older clients send.
        var paths = _action.Command.OutputPaths.Count > 0
            ? _action.Command.OutputPaths
            : _action.Command.OutputFiles.Concat(_action.Command.OutputDirectories);
#pragma warning restore CS0612
        foreach (var path in paths.Distinct().Order(ByteOrder.Instance))
        {
            var full = Disk.Join(_action.Command.WorkingDirectory, path);
            if (_action.After.Resolve(full, followLast: false) is ({ } node, var at))
                AddOutput(result, path, node, at);
        }
        return result;
    }

    private void AddOutput(Reapi.ActionResult result, string path, Node node, string at)
    {
        var followed = _action.After.Resolve(at, followLast: true);
        switch (node)
        {
            case LinkItem { Rooted: false, Target: "/dev/null" }:
                result.OutputFiles.Add(new Reapi.OutputFile
                {
                    Path = path,
                    Digest = Keep([], Made),
                    NodeProperties = Properties(_withMode ? 0x1B6 : null),
                });
                break;
            case LinkItem { Rooted: false } link when link.Target.StartsWith('/'):
                break;
            case LinkItem { Rooted: false } link:
                AddLink(result, new Reapi.OutputSymlink
                {
                    Path = path,
                    Target = link.Target,
                }, followed?.Node is DirectoryItem);
                break;
            case LinkItem when _action.After.LeadsToNull(at):
                result.OutputFiles.Add(new Reapi.OutputFile
                {
                    Path = path,
                    Digest = Keep([], Made),
                    NodeProperties = Properties(_withMode ? 0x1B6 : null),
                });
                break;
            // Absolute, and inside the root: what it leads to.
            case LinkItem when followed is var (target, real):
                AddNode(result, path, target, real, copied: true);
                break;
            case not LinkItem:
                AddNode(result, path, node, at, copied: false);
                break;
        }
    }

#pragma warning disable CS0612 // What older clients send.
    private bool IsDeclaredAsFile(string path) =>
        _action.Command.OutputPaths.Count == 0 && _action.Command.OutputFiles.Contains(path);
#pragma warning restore CS0612

    private static void AddLink(Reapi.ActionResult result, Reapi.OutputSymlink link, bool toDirectory)
    {
#pragma warning disable CS0612 // The only lists that NativeLink's scheduler reads.
        (toDirectory ? result.OutputDirectorySymlinks : result.OutputFileSymlinks).Add(link);
#pragma warning restore CS0612
        result.OutputSymlinks.Add(link);
    }

    private void AddNode(Reapi.ActionResult result, string path, Node node, string at, bool copied)
    {
        if (node is FileItem file)
        {
            result.OutputFiles.Add(new Reapi.OutputFile
            {
                Path = path,
                Digest = Keep(file.Content, Made),
                IsExecutable = file.IsExecutable,
                NodeProperties = Properties(_withMode ? file.Mode : null),
            });
        }
        else if (node is PipeItem)
        {
            IsFifo = true;
        }
        else if (node is DirectoryItem directory)
        {
            var tree = new OutputModel(_action.After, _function, _withMode, IsDeclaredAsFile(path));
            if (tree.Make(directory, at, copied) is not { } root)
                return;
            foreach (var (digest, content) in tree.Made)
                Made[digest] = content;
            Trees[path] = (root, tree.Below);
            var single = _action.Command.OutputDirectoryFormat != Reapi.Command.Types.OutputDirectoryFormat.TreeOnly;
            result.OutputDirectories.Add(new Reapi.OutputDirectory
            {
                Path = path,
                IsTopologicallySorted = true,
                RootDirectoryDigest = single ? Keep(root.ToByteArray(), Made) : null,
            });
            if (single)
                tree.Below.Values.ToList().ForEach(child => Keep(child.ToByteArray(), Made));
        }
    }

    private static Reapi.NodeProperties? Properties(uint? mode) =>
        mode is { } bits ? new Reapi.NodeProperties { UnixMode = bits } : null;
}
