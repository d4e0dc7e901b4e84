using System.Globalization;
using Google.Protobuf;
using Grpc.Core;
using NativeLink.Actors.Benchmarks.Rig;
using NativeLink.Actors.Protocol;

namespace NativeLink.Actors.Benchmarks.Soak;

/// <summary>How a client asks for an action.</summary>
internal enum SoakAsk
{
    Once,

    /// <summary>And again, which the action cache has to answer.</summary>
    Twice,

    /// <summary>And cancels it when it runs.</summary>
    Cancel,
}

/// <summary>An action whose answer is known beforehand.</summary>
internal sealed record SoakAction(Digest Digest, string Script, SoakAsk Ask, StatusCode Status, int ExitCode)
{
    public bool IsAnsweredBy(Reapi.ExecuteResponse answer) => (answer.Status?.Code ?? 0) == (int)Status
        && (Status != StatusCode.OK || answer.Result.ExitCode == ExitCode);
}

/// <summary>Actions of all kinds, drawn at random; each is unlike any other.</summary>
internal sealed class SoakKinds(int seed)
{
    private const int Inputs = 50;
    private const int LargeInputBytes = 3_000_000;

    // The cached trees that have one are bounded by their number alone, a thousand: of as many the disk would go on
    // filling for a hundred thousand actions.
    private const int LargeInputs = 20;

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(1);

    private static readonly Kind[] Kinds =
    [
        new(280, "echo {0} >o", ["o"]),
        new(100, ":"),
        new(100, "echo {0} >o", ["o"]) { Ask = SoakAsk.Twice },
        new(100, "echo {0}; exit 3") { ExitCode = 3 },
        new(80, "mkdir -p d/e; echo {0} >d/e/f; echo same >d/g; ln -s e d/l", ["d"]),
        new(30, "echo {0} >o; ln -s o l; ln -s /nowhere m", ["o", "l"]),
        new(80, "cat in/* >o; echo {0} >>o", ["o"]),
        new(80, "head -c 65536 /dev/zero | tr '\\0' x; echo {0} >&2"),
        new(40, "{{ echo {0}; head -c 100000 /dev/zero; }} >o", ["o"]),
        new(10, "{{ echo {0}; head -c 8000000 /dev/zero; }} >o", ["o"]),
        new(10, "wc -c large; echo {0}") { HasLargeInput = true },
        new(40, "echo {0} >kept; head -c 1000000 /dev/zero >scratch; mkfifo pipe; mkdir -p a/b/c"),
        new(30, "setsid sleep 60 >/dev/null 2>&1 & echo {0} >o", ["o"]),
        new(10, "kill -9 $$; echo {0}") { ExitCode = 137 },
        new(5, "sleep 60 & sleep 60; echo {0}") { Status = StatusCode.DeadlineExceeded },
        new(5, "sleep 60 & sleep 60; echo {0}") { Ask = SoakAsk.Cancel, Status = StatusCode.Cancelled },
    ];

    private readonly Random _random = new(seed);
    private readonly Lock _gate = new();

    /// <summary>Adds one to those that are to be sent.</summary>
    public SoakAction Add(BlobSet blobs, int number)
    {
        var (kind, hasInputs) = Draw();
        var mark = string.Create(CultureInfo.InvariantCulture, $"{seed}-{number}");
        var script = string.Format(CultureInfo.InvariantCulture, kind.Script, mark);
        var root = new Reapi.Directory();
        if (hasInputs || script.Contains("in/", StringComparison.Ordinal))
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
        if (kind.HasLargeInput)
        {
            var large = new byte[LargeInputBytes];
            new Random(number % LargeInputs).NextBytes(large);
            root.Files.Add(new Reapi.FileNode
            {
                Name = "large",
                Digest = blobs.Add(ByteString.CopyFrom(large)).ToWire(),
            });
        }
        var digest = blobs.Add(["/bin/sh", "-c", script], blobs.Add(root), kind.Outputs, mark,
            timeout: kind.Status == StatusCode.DeadlineExceeded ? Timeout : null);
        return new SoakAction(digest, script, kind.Ask, kind.Status, kind.ExitCode);
    }

    private (Kind Kind, bool HasInputs) Draw()
    {
        lock (_gate)
        {
            var draw = _random.Next(Kinds.Sum(static kind => kind.Weight));
            return (Kinds.First(kind => (draw -= kind.Weight) < 0), _random.Next(3) == 0);
        }
    }

    /// <param name="Script">For a shell; <c>{0}</c> is unlike that of any other action.</param>
    private sealed record Kind(int Weight, string Script, params string[] Outputs)
    {
        public SoakAsk Ask { get; init; }

        public StatusCode Status { get; init; } = StatusCode.OK;

        public int ExitCode { get; init; }

        public bool HasLargeInput { get; init; }
    }
}
