using System.Text;
using NativeLink.Actors.Testing.Workers;

namespace NativeLink.Actors.Differential.Transparency;

/// <summary>A program as an action of a worker.</summary>
internal static class ActionRun
{
    private const DigestFunction Function = DigestFunction.Sha256;
    private static readonly TimeSpan Bound = TimeSpan.FromMinutes(2);

    public static async Task<Seen> RunAsync(SmallProgram program, WorkerRig rig)
    {
        var root = rig.Put(Inputs.ToMessage(content => rig.Put(content, Function),
            directory => rig.Put(directory, Function)), Function);
        var command = new Reapi.Command
        {
            Arguments = { "/bin/sh", "-c", program.FullScript },
            OutputPaths = { "out" },
        };
        foreach (var (name, value) in PlainRun.Variables)
            command.EnvironmentVariables.Add(new Reapi.Command.Types.EnvironmentVariable
            {
                Name = name,
                Value = value,
            });
        var action = new Reapi.Action
        {
            CommandDigest = rig.Put(command, Function).ToWire(),
            InputRootDigest = root.ToWire(),
        };
        var answer = await rig.ExecuteAsync(rig.Put(action, Function)).WaitAsync(Bound);
        if (answer.ExecuteResponse is not { Result: { } result } response || (response.Status?.Code ?? 0) != 0)
            return new Seen(-1, "", answer.ToString(), new Dictionary<string, string>());
        return new Seen(result.ExitCode, Text(rig, result.StdoutDigest), Text(rig, result.StderrDigest),
            Listed(rig, result));
    }

    private static Dictionary<string, string> Listed(WorkerRig rig, Reapi.ActionResult result)
    {
        var found = new Dictionary<string, string>();
        foreach (var directory in result.OutputDirectories.Where(static directory => directory.Path == "out"))
        {
            var tree = Reapi.Tree.Parser.ParseFrom(rig.Cas.Blobs[Of(directory.TreeDigest)]);
            var children = tree.Children.ToDictionary(child => rig.Put(child, Function));
            Add(tree.Root, "");
            void Add(Reapi.Directory message, string prefix)
            {
                foreach (var file in message.Files) found[prefix + file.Name] =
                    $"file {Of(file.Digest)}{(file.IsExecutable ? " executable" : "")}";
                foreach (var link in message.Symlinks) found[prefix + link.Name] = $"link {link.Target}";
                foreach (var below in message.Directories)
                {
                    found[prefix + below.Name] = "directory";
                    Add(children[Of(below.Digest)], $"{prefix}{below.Name}/");
                }
            }
        }

        return found;
    }

    private static string Text(WorkerRig rig, Reapi.Digest? digest) =>
        digest is null || Of(digest) is not { IsEmpty: false } known
            ? ""
            : Encoding.UTF8.GetString(rig.Cas.Blobs[known]);

    private static Digest Of(Reapi.Digest wire) => Digest.FromWire(wire, Function, "an output");
}
