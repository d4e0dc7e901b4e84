using System.Globalization;
using NativeLink.Actors.Benchmarks.Crash;
using NativeLink.Actors.Benchmarks.Faults;
using NativeLink.Actors.Benchmarks.Flood;
using NativeLink.Actors.Benchmarks.Rig;
using NativeLink.Actors.Benchmarks.Ruler;
using NativeLink.Actors.Benchmarks.Soak;

namespace NativeLink.Actors.Benchmarks;

/// <summary>The command line.</summary>
internal sealed record Arguments(string Command, IReadOnlySet<string> Words)
{
    public const string Help = """
        targets [T2 T7 …]   measure the targets (all, or those named), a line for each finding
        crash ROUNDS [local|worker]   kill -9 a local cluster, and a worker with a remote CAS, under load at random moments, so many times each;
                            start it again; check its store, mounts, processes and a build
        ruler --against COMMIT [local worker T1 T5 T6 T7 T8 T11]   this tree beside a commit (or a published program), in pairs: which figures of an action's cost
                            and of the targets moved beyond the noise (T2 is among those of "local"); --pairs N: 20 when none are named, 8 with --quick
        soak COUNT [local|worker]
                            so many actions of mixed kinds, 8 in flight, through local and through a worker of its own: memory, descriptors, threads, mounts,
                            groups, disk, log by the thousand, and whether they stay flat after the first ten thousand; an action without an answer within
                            15 s ends it with who waits where; --user: as uid 1000; --out DIR: a page and plots there
        faults [KIND …]     each descriptor, task, directory, entry and mount that an action of local allocates fails once, one after another: every action is
                            answered, the next one succeeds, nothing is left; --seconds S: random points for so long (--seed N); --user: as uid 1000;
                            --first: the first action of a server, a server for each point
        flood [COUNT …] [uploads]
                            so many operations (10,000 and 100,000) given to one worker at once: each has one answer, memory is that of the bound of those
                            that wait, keep-alives keep their period; uploads: they keep it while 8 actions hash and upload large outputs, --seconds S (300)
        chaos               a Bazel build again and again while workers and cluster are killed, paused, restarted and cut off, and their disk is full: each build
                            ends green with the outputs of one without faults; --minutes M (30), --seed N, --workspace DIR: instead of one of its own;
                            --quick: each fault once
        scheduler           the scheduler's cost with 1,000 operations of one property set waiting, and with 100,000 of 10,000 sets: submit,
                            completion, result, memory; fails when the 99th percentile of a submit is more than twice as long
        micro [FILTER]      the inner pieces by BenchmarkDotNet, with allocations; --once: each only once, untimed; --out DIR: into micro.md there
        spawns N [cgroup|pidnamespace|subreaper] [AT-ONCE] [--loaded]
                            /bin/true N times by the launcher alone; counts what does not come back; --loaded: beside threads that only take time

        --quick          a quarter of the passes, on ext4 alone
        --latency 25ms   what a round trip between worker and CAS takes longer where T5 counts round trips
        --out DIR        keep the results there: targets.md, targets.json, plots (all targets, or the word "plots"); targets not measured now stay as they are;
                         the word "report" alone measures nothing and takes notes.md in again
        --readme         with --out: put table and plots between the marks of README.md
        --seed N         of crash and faults: the same draws again; of crash those of its first round, the next round has the next seed
        --binary FILE    this published program, instead of one published now

        A line of targets has the figure, its floor of the same run where there is one, the target, "ok" or "falls-short", and the ratio; or "not-measured: why". As root
        the file systems to measure on (ext4 with its journal on a loop device, tmpfs) are mounted in a namespace of the program's own, which ends with it.
        The exit code is 0 when each could be measured: falling short is an answer.
        """;

    public const string CrashCommand = "crash";

    public const string RulerCommand = "ruler";

    public const string SoakCommand = "soak";

    public const string FaultsCommand = "faults";

    public const string FloodCommand = "flood";

    public const string ChaosCommand = "chaos";

    public string? Binary { get; init; }

    /// <summary>Of <see cref="ChaosCommand"/>: how long; null for as long as is usual.</summary>
    public double? Minutes { get; init; }

    /// <summary>Of <see cref="ChaosCommand"/>: the Bazel workspace to build; null for one that it makes.</summary>
    public string? Workspace { get; init; }

    /// <summary>
    /// Of <see cref="FaultsCommand"/>: random points for so long; null for each point once. Of
    /// <see cref="FloodCommand"/>: how long outputs are uploaded.
    /// </summary>
    public int? Seconds { get; init; }

    public bool Quick { get; init; }

    public string? Out { get; init; }

    /// <summary>Of <see cref="RulerCommand"/>: a commit, or the path of a published program.</summary>
    public string? Against { get; init; }

    public int? Pairs { get; init; }

    /// <summary>Of <see cref="SoakCommand"/> and <see cref="FaultsCommand"/>: as an ordinary user.</summary>
    public bool User { get; init; }

    /// <summary>
    /// Of <see cref="SoakCommand"/>: how many actions, and
    /// through what alone; null when the words are others.
    /// </summary>
    public (int Count, string? Which)? SoakWords => Numbered(SoakSubject.Local, SoakSubject.Worker);

    /// <summary>Of <see cref="FaultsCommand"/>: the first action of a server.</summary>
    public bool First { get; init; }

    public bool Readme { get; init; }

    public int Seed { get; init; } = Environment.TickCount;

    public TimeSpan Latency { get; init; } = TimeSpan.FromMilliseconds(25);

    /// <summary>
    /// Of <see cref="CrashCommand"/>: how many rounds,
    /// and of what alone; null when the words are others.
    /// </summary>
    public (int Rounds, string? Which)? CrashWords => Numbered(CrashRounds.Local, CrashRounds.Worker);

    /// <summary>Null when it makes no sense.</summary>
    public static Arguments? Parse(string[] args)
    {
        if (args is not ["targets" or CrashCommand or RulerCommand or SoakCommand or FaultsCommand or FloodCommand
            or ChaosCommand, ..])
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
                case "--first":
                    parsed = parsed with { First = true };
                    break;
                case "--user":
                    parsed = parsed with { User = true };
                    break;
                case "--against" when i + 1 < args.Length:
                    parsed = parsed with { Against = args[++i] };
                    break;
                case "--pairs" when i + 1 < args.Length
                    && int.TryParse(args[++i], CultureInfo.InvariantCulture, out var pairs) && pairs > 0:
                    parsed = parsed with { Pairs = pairs };
                    break;
                case "--seconds" when i + 1 < args.Length
                    && int.TryParse(args[++i], CultureInfo.InvariantCulture, out var seconds) && seconds > 0:
                    parsed = parsed with { Seconds = seconds };
                    break;
                case "--minutes" when i + 1 < args.Length
                    && double.TryParse(args[++i], CultureInfo.InvariantCulture, out var minutes) && minutes >= 0:
                    parsed = parsed with { Minutes = minutes };
                    break;
                case "--workspace" when i + 1 < args.Length:
                    parsed = parsed with { Workspace = args[++i] };
                    break;
                case "--seed" when i + 1 < args.Length
                    && int.TryParse(args[++i], CultureInfo.InvariantCulture, out var seed):
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
        return parsed.MakesSense ? parsed : null;
    }

    private bool MakesSense => Command switch
    {
        CrashCommand => CrashWords is not null,
        RulerCommand => Against is not null && Words.IsSubsetOf(RulerRun.Names),
        SoakCommand => SoakWords is not null,
        FaultsCommand => Words.IsSubsetOf(FaultRun.Kinds),
        FloodCommand => Words.All(static word => word == FloodRun.Uploads
            || (int.TryParse(word, CultureInfo.InvariantCulture, out var count) && count > 0)),
        ChaosCommand => Words.Count == 0,
        _ => true,
    };

    /// <summary>One number above 0, and one of these words or none; null when the words are others.</summary>
    private (int Number, string? Which)? Numbered(params string[] names)
    {
        var which = Words.Where(names.Contains).ToList();
        return Words.Except(which).ToList() is [var word] && which.Count < 2
            && int.TryParse(word, CultureInfo.InvariantCulture, out var number) && number > 0
            ? (number, which.SingleOrDefault())
            : null;
    }

    private static TimeSpan? Milliseconds(string text) =>
        text.EndsWith("ms", StringComparison.Ordinal)
            && double.TryParse(text[..^2], CultureInfo.InvariantCulture, out var value) && value > 0
            ? TimeSpan.FromMilliseconds(value)
            : null;
}
