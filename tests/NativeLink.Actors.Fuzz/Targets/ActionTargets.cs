using Google.Protobuf;
using NativeLink.Actors.Fuzz.Making;

namespace NativeLink.Actors.Fuzz.Targets;

/// <summary>Input trees.</summary>
internal sealed class DirectoryTarget : WorkerTarget
{
    public override int AtOnce => 4;

    public override Task<IReadOnlyList<string>> RunAsync(Draw draw)
    {
        var trees = TreesOf(draw);
        var command = new Reapi.Command
        {
            Arguments = { "/bin/true" },
            OutputPaths = { "dir", "f", "n1", "up", "abs" },
        };
        return ExecuteAsync(new Reapi.Action
        {
            CommandDigest = Put(command),
            InputRootDigest = trees.Root(),
        }.ToByteArray());
    }
}

/// <summary>Commands over a tree with links in all directions.</summary>
internal sealed class CommandTarget : WorkerTarget
{
    public override int AtOnce => 4;

    public override Task<IReadOnlyList<string>> RunAsync(Draw draw)
    {
        var trees = TreesOf(draw);
        return ExecuteAsync(new Reapi.Action
        {
            CommandDigest = trees.Put(new Commands(draw, trees).Hostile()),
            InputRootDigest = Put(trees.Plain()),
        }.ToByteArray());
    }
}

/// <summary>Action messages.</summary>
internal sealed class ActionTarget : WorkerTarget
{
    public override int AtOnce => 4;

    public override Task<IReadOnlyList<string>> RunAsync(Draw draw)
    {
        var trees = TreesOf(draw);
        var commands = new Commands(draw, trees);
        var bytes = commands.Hostile(commands.Action(commands.Good(), Put(trees.Plain()))).ToByteArray();
        return ExecuteAsync(draw.Percent(50) ? draw.Mutate(bytes) : bytes);
    }
}
