using System.Globalization;
using NativeLink.Actors.Benchmarks.Crash;
using NativeLink.Actors.Benchmarks.Rig;

namespace NativeLink.Actors.Benchmarks;

/// <summary>The command line.</summary>
internal sealed record Arguments(string Command, IReadOnlySet<string> Words)
{
    public const string Help = """
        targets [T2 T7 …]   measure the targets (all, or those named), a line for each finding
        crash ROUNDS [local|worker]   kill -9 a local cluster, and a worker with a remote CAS, under load at random moments, so many times each;
                            start it again; check its store, mounts, processes and a build
        micro [FILTER]      the inner pieces by BenchmarkDotNet, with allocations; --once: each only once, untimed; --out DIR: into micro.md there

        --quick          a quarter of the passes, on ext4 alone
        --latency 25ms   what a round trip between worker and CAS takes longer where T5 counts round trips
        --out DIR        keep the results there: targets.md, targets.json, plots (all targets, or the word "plots"); targets not measured now stay as they are;
                         the word "report" alone measures nothing and takes notes.md in again
        --readme         with --out: put table and plots between the marks of README.md
        --seed N         of crash: the same draws again; those of its first round, the next round has the next seed
        --binary FILE    this published program, instead of one published now

        A line of targets has the figure, its floor of the same run where there is one, the target, "ok" or "falls-short", and the ratio; or "not-measured: why". As root
        the file systems to measure on (ext4 with its journal on a loop device, tmpfs) are mounted in a namespace of the program's own, which ends with it.
        The exit code is 0 when each could be measured: falling short is an answer.
        """;

    public const string CrashCommand = "crash";

    public string? Binary { get; init; }

    public bool Quick { get; init; }

    public string? Out { get; init; }

    public bool Readme { get; init; }

    public int Seed { get; init; } = Environment.TickCount;

    public TimeSpan Latency { get; init; } = TimeSpan.FromMilliseconds(25);

    /// <summary>Of <see cref="CrashCommand"/>: how many rounds, and of what alone; null when the words are others.</summary>
    public (int Rounds, string? Which)? CrashWords
    {
        get
        {
            var which = Words.Where(static word => word is CrashRounds.Local or CrashRounds.Worker).ToList();
            return Words.Except(which).ToList() is [var number] && which.Count < 2 && int.TryParse(number, CultureInfo.InvariantCulture, out var rounds) && rounds > 0
                ? (rounds, which.SingleOrDefault())
                : null;
        }
    }

    /// <summary>Null when it makes no sense.</summary>
    public static Arguments? Parse(string[] args)
    {
        if (args is not ["targets" or CrashCommand, ..])
            return null;
        var words = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        var parsed = new Arguments(args[0], words);
        for (var i = 1; i < args.Length; i++)
        {
            switch (args[i])
            {
                case "--quick":
                    parsed = parsed with { Quick = true };
                    break;
                case "--readme":
                    parsed = parsed with { Readme = true };
                    break;
                case "--seed" when i + 1 < args.Length && int.TryParse(args[++i], CultureInfo.InvariantCulture, out var seed):
                    parsed = parsed with { Seed = seed };
                    break;
                case "--out" when i + 1 < args.Length:
                    parsed = parsed with { Out = args[++i] };
                    break;
                case "--binary" when i + 1 < args.Length:
                    parsed = parsed with { Binary = args[++i] };
                    break;
                case "--latency" when i + 1 < args.Length && Milliseconds(args[++i]) is { } latency:
                    parsed = parsed with { Latency = latency };
                    break;
                case OwnMounts.Mark:
                    break;
                case var word when !word.StartsWith('-'):
                    words.Add(word);
                    break;
                default:
                    return null;
            }
        }
        return parsed.Command == CrashCommand && parsed.CrashWords is null ? null : parsed;
    }

    private static TimeSpan? Milliseconds(string text) =>
        text.EndsWith("ms", StringComparison.Ordinal) && double.TryParse(text[..^2], CultureInfo.InvariantCulture, out var value) && value > 0 ? TimeSpan.FromMilliseconds(value) : null;
}
