using System.Globalization;
using Google.Protobuf;
using NativeLink.Actors.Benchmarks.Rig;
using NativeLink.Actors.Protocol;

namespace NativeLink.Actors.Benchmarks.Soak;

/// <summary>Actions of all kinds, drawn at random; each is unlike any other, and its exit code is known.</summary>
internal sealed class SoakKinds(int seed)
{
    private const int Inputs = 50;

    private static readonly (int Weight, string Script, string[] Outputs, int ExitCode)[] Kinds =
    [
        (30, "echo {0} >o", ["o"], 0),
        (15, ":", [], 0),
        (10, "echo {0}; exit 3", [], 3),
        (10, "mkdir -p d/e; echo {0} >d/e/f; echo same >d/g; ln -s e d/l", ["d"], 0),
        (10, "cat in/* >o; echo {0} >>o", ["o"], 0),
        (8, "head -c 65536 /dev/zero | tr '\\0' x; echo {0} >&2", [], 0),
        (5, "{{ echo {0}; head -c 100000 /dev/zero; }} >o", ["o"], 0),
        (5, "echo {0} >kept; head -c 1000000 /dev/zero >scratch; mkfifo pipe; mkdir -p a/b/c", [], 0),
        (4, "setsid sleep 60 >/dev/null 2>&1 & echo {0} >o", ["o"], 0),
        (3, "kill -9 $$", [], 137),
    ];

    private readonly Random _random = new(seed);
    private readonly Lock _gate = new();

    /// <summary>Adds one to those that are to be sent.</summary>
    public (Digest Action, int ExitCode, string Script) Add(BlobSet blobs, int number)
    {
        var (draw, with) = Draw();
        var kind = Kinds.First(kind => (draw -= kind.Weight) < 0);
        var script = string.Format(CultureInfo.InvariantCulture, kind.Script, $"{seed}-{number}");
        var root = new Reapi.Directory();
        if (with || script.Contains("in/", StringComparison.Ordinal))
        {
            var files = new Reapi.Directory();
            for (var i = 0; i < Inputs; i++)
                files.Files.Add(new Reapi.FileNode
                {
                    Name = $"f{i:00}",
                    Digest = blobs.Add(ByteString.CopyFromUtf8($"input {i}")).ToWire(),
                });
            root.Directories.Add(new Reapi.DirectoryNode { Name = "in", Digest = blobs.Add(files).ToWire() });
        }
        return (blobs.Add(["/bin/sh", "-c", script], root, kind.Outputs, $"{seed}-{number}"), kind.ExitCode, script);
    }

    private (int Draw, bool With) Draw()
    {
        lock (_gate)
            return (_random.Next(Kinds.Sum(static kind => kind.Weight)), _random.Next(3) == 0);
    }
}
