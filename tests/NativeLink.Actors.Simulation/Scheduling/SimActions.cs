using System.Globalization;
using System.Text;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using NativeLink.Actors.Protocol.Hashing;
using NativeLink.Actors.Simulation.Ports;
using NativeLink.Actors.Simulation.World;

namespace NativeLink.Actors.Simulation.Scheduling;

/// <summary>
/// The actions of a simulation: what goes into the CAS for each, what its process leaves, and what has to come of it.
/// </summary>
internal static class SimActions
{
    private const int TimeoutMilliseconds = 2000;
    private const int LargeBytes = 200 << 10;
    private const int LargeOutputBytes = 80 << 10;

    /// <summary>Input trees that share most of their files; some have a file that is too large for a batch.</summary>
    public static IReadOnlyList<Digest> AddTrees(SimCas cas, Random random, int count)
    {
        var roots = new List<Digest>();
        for (var i = 0; i < count; i++)
        {
            var below = new Reapi.Directory();
            for (var j = 0; j < 4; j++)
                below.Files.Add(File($"f{j}", cas.Add(Filled(random.Next(8), 2000))));
            if (i % 3 == 0)
                below.Files.Add(File("large", cas.Add(Filled(1000 + (i % 2), LargeBytes))));
            var root = new Reapi.Directory { Files = { File($"own-{i}", cas.Add(Filled(100 + i, 500))) } };
            root.Directories.Add(new Reapi.DirectoryNode { Name = "below", Digest = cas.Add(below).ToWire() });
            roots.Add(cas.Add(root));
        }
        return roots;
    }

    public static string Name(int number) => string.Create(CultureInfo.InvariantCulture, $"make-{number}");

    public static int Number(string action) => int.Parse(action.AsSpan(5), CultureInfo.InvariantCulture);

    /// <param name="platform">What it asks for; null: it runs anywhere.</param>
    public static Digest AddAction(SimCas cas, string name, Digest root, Reapi.Platform? platform = null)
    {
        var command = new Reapi.Command { Arguments = { "/bin/make", name }, OutputPaths = { "out/file", "out/tree" } };
        return cas.Add(new Reapi.Action
        {
            CommandDigest = cas.Add(command).ToWire(),
            InputRootDigest = root.ToWire(),
            Timeout = Duration.FromTimeSpan(TimeSpan.FromMilliseconds(TimeoutMilliseconds)),
            DoNotCache = DoNotCache(name),
            Platform = platform,
        });
    }

    /// <summary>How long it runs at most; more than its timeout, for some.</summary>
    public static int MostMilliseconds(string action) => Number(action) % 17 == 3 ? 4000 : 300;

    public static bool DoNotCache(string action) => Number(action) % 19 == 5;

    /// <summary>What comes of it where nothing goes wrong; null: that may be one thing or another.</summary>
    public static SimOutcome? Outcome(string action) =>
        MostMilliseconds(action) > TimeoutMilliseconds ? null
        : ExitCode(action) == 0 ? SimOutcome.Succeeded
        : SimOutcome.Failed;

    public static int ExitCode(string action) => Number(action) % 11 == 7 ? 1 : 0;

    /// <summary>A file, and a tree with a second name of a file and a link.</summary>
    public static void Leave(SimDisk disk, string directory, string action)
    {
        disk.Write($"{directory}/out/file", Output(action));
        disk.MakeDirectory($"{directory}/out/tree/deep");
        disk.Write($"{directory}/out/tree/b", Encoding.UTF8.GetBytes(action));
        disk.HardLink($"{directory}/out/tree/deep/a", $"{directory}/out/tree/b");
        disk.Symlink($"{directory}/out/tree/c", "deep/a");
    }

    /// <summary>Says what is wrong with a result; null when it is this action's own, and whole in the CAS.</summary>
    public static string? WhatIsWrong(SimCas cas, string action, Reapi.ActionResult result)
    {
        if (result.OutputFiles.Count != 1 || result.OutputDirectories.Count != 1)
            return $"{action} has {result.OutputFiles.Count} files and {result.OutputDirectories.Count} directories";
        var file = Digest.FromWire(result.OutputFiles[0].Digest, DigestFunction.Sha256, "the file");
        if (!cas.Has(file) || !cas[file].AsSpan().SequenceEqual(Output(action)))
            return $"{action} has not its own file";
        var digest = Digest.FromWire(result.OutputDirectories[0].TreeDigest, DigestFunction.Sha256, "the tree");
        if (!cas.Has(digest))
            return $"{action} has no tree in the CAS";
        var tree = Reapi.Tree.Parser.ParseFrom(cas[digest]);
        if (!tree.Equals(TreeOf(action)))
            return $"{action} has another tree: {tree}";
        return tree.Children.Append(tree.Root).SelectMany(static directory => directory.Files)
            .All(node => cas.Has(Digest.FromWire(node.Digest, DigestFunction.Sha256, node.Name)))
            ? null
            : $"{action} has a tree whose files are not all in the CAS";
    }

    /// <summary>What <see cref="Leave"/> leaves in <c>out/tree</c>.</summary>
    private static Reapi.Tree TreeOf(string action)
    {
        var name = BlobHasher.Compute(Encoding.UTF8.GetBytes(action), DigestFunction.Sha256);
        var deep = new Reapi.Directory { Files = { File("a", name) } };
        return new Reapi.Tree
        {
            Root = new Reapi.Directory
            {
                Files = { File("b", name) },
                Directories =
                {
                    new Reapi.DirectoryNode
                    {
                        Name = "deep",
                        Digest = BlobHasher.Compute(deep.ToByteArray(), DigestFunction.Sha256).ToWire(),
                    },
                },
                Symlinks = { new Reapi.SymlinkNode { Name = "c", Target = "deep/a" } },
            },
            Children = { deep },
        };
    }

    private static byte[] Output(string action)
    {
        var number = Number(action);
        // Of a fleet's most are small: all of them are kept.
        var isLarge = number % 7 == 0 && (number < 1400 || number % 70 == 0);
        return Filled(10_000 + number, isLarge ? LargeOutputBytes : 300);
    }

    private static Reapi.FileNode File(string name, Digest digest) => new() { Name = name, Digest = digest.ToWire() };

    private static byte[] Filled(int what, int bytes)
    {
        var data = new byte[bytes];
        new Random(what).NextBytes(data);
        return data;
    }
}
