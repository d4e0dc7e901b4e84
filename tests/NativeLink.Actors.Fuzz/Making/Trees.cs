using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using NativeLink.Actors.Testing.Workers;

namespace NativeLink.Actors.Fuzz.Making;

/// <summary>Directory messages that a worker has to take or to refuse, but not to stumble over.</summary>
internal sealed class Trees(Draw draw, WorkerRig rig, string canary)
{
    private const int Deepest = 5;

    private static DigestFunction Sha256 => DigestFunction.Sha256;

    /// <summary>A root whose tree has been put into the CAS, as far as it is there at all.</summary>
    public Reapi.Digest Root() => draw.Below(12) switch
    {
        0 => Bomb(),
        1 => Chain(draw.Pick([40, 400, 1_100])),
        2 => Wide(draw.Pick([100, 5_000])),
        _ => Put(Directory(0)),
    };

    /// <summary>What good actions have, and links in all directions.</summary>
    public Reapi.Directory Plain() => new()
    {
        Files = { new Reapi.FileNode { Name = "f", Digest = Content("f") }, new Reapi.FileNode
        {
            Name = "x",
            Digest = Content("x"),
            IsExecutable = true,
        } },
        Directories = { new Reapi.DirectoryNode
        {
            Name = "dir",
            Digest = Put(new Reapi.Directory { Files = { new Reapi.FileNode { Name = "f", Digest = Content("g") } } }),
        } },
        Symlinks =
        {
            new Reapi.SymlinkNode { Name = "abs", Target = canary },
            new Reapi.SymlinkNode { Name = "link", Target = "dir" },
            new Reapi.SymlinkNode { Name = "loop", Target = "loop" },
            new Reapi.SymlinkNode { Name = "up", Target = "../../../../canary" },
        },
    };

    public Reapi.Digest Put(IMessage message)
    {
        var bytes = message.ToByteArray();
        return rig.Put(draw.Percent(12) ? draw.Mutate(bytes) : bytes, Sha256).ToWire();
    }

    /// <summary>Right, missing, malformed, or none at all.</summary>
    public Reapi.Digest? Broken(Reapi.Digest right) => draw.Below(9) switch
    {
        0 => null,
        1 => new Reapi.Digest { Hash = right.Hash, SizeBytes = draw.Number64() },
        2 => new Reapi.Digest { Hash = draw.Text(), SizeBytes = right.SizeBytes },
        3 => new Reapi.Digest { Hash = new string('a', 64), SizeBytes = Math.Abs(draw.Number64() % 1_000_000) },
        4 => new Reapi.Digest { Hash = right.Hash.ToUpperInvariant(), SizeBytes = right.SizeBytes },
        5 => new Reapi.Digest(),
        6 => new Reapi.Digest { Hash = new string('b', 64), SizeBytes = 11 << 20 },
        _ => right,
    };

    public Reapi.Digest Content(string text) => rig.Put(System.Text.Encoding.UTF8.GetBytes(text), Sha256).ToWire();

    private Reapi.Directory Directory(int depth)
    {
        var directory = draw.Percent(30) ? Plain() : new Reapi.Directory();
        for (var left = draw.Below(6); left > 0; left--)
        {
            var name = draw.Percent(60) ? $"n{draw.Below(20)}" : draw.Text();
            switch (draw.Below(4))
            {
                case 0 when depth < Deepest:
                    directory.Directories.Add(new Reapi.DirectoryNode
                    {
                        Name = name,
                        Digest = Sometimes(Put(Directory(depth + 1))),
                    });
                    break;
                case 1:
                    directory.Symlinks.Add(new Reapi.SymlinkNode
                    {
                        Name = name,
                        Target = draw.Text(),
                        NodeProperties = Properties(),
                    });
                    break;
                default:
                    directory.Files.Add(new Reapi.FileNode
                    {
                        Name = name,
                        Digest = Sometimes(Content(draw.Noise(20))),
                        IsExecutable = draw.Percent(50),
                        NodeProperties = Properties(),
                    });
                    break;
            }
        }
        directory.NodeProperties = Properties();
        return directory;
    }

    private Reapi.Digest? Sometimes(Reapi.Digest right) => draw.Percent(10) ? Broken(right) : right;

    private Reapi.NodeProperties? Properties() => draw.Below(4) switch
    {
        0 => new Reapi.NodeProperties { UnixMode = draw.NumberU32() },
        1 => new Reapi.NodeProperties
        {
            Mtime = new Timestamp { Seconds = draw.Number64(), Nanos = draw.Number32() },
            UnixMode = draw.Percent(50) ? draw.NumberU32() : null,
        },
        _ => null,
    };

    /// <summary>Few messages, a great many directories.</summary>
    private Reapi.Digest Bomb()
    {
        var below = Put(Plain());
        for (var level = draw.Pick([1, 2, 3, 10, 60]); level > 0; level--)
        {
            var directory = new Reapi.Directory();
            for (var i = 0; i < 10; i++)
                directory.Directories.Add(new Reapi.DirectoryNode { Name = $"d{i}", Digest = below });
            below = Put(directory);
        }
        return below;
    }

    private Reapi.Digest Chain(int depth)
    {
        var below = Put(Plain());
        var name = draw.Pick(["d", new string('n', 200)]);
        for (; depth > 0; depth--)
            below = Put(new Reapi.Directory
            {
                Directories = { new Reapi.DirectoryNode { Name = name, Digest = below } },
            });
        return below;
    }

    private Reapi.Digest Wide(int files)
    {
        var (directory, content) = (new Reapi.Directory(), Content("same"));
        for (var i = 0; i < files; i++)
            directory.Files.Add(new Reapi.FileNode { Name = $"f{i}", Digest = content });
        return Put(directory);
    }
}
