using System.Globalization;
using NativeLink.Actors.Simulation.Running;

namespace NativeLink.Actors.Simulation;

/// <summary>
/// The simulation as a command. The test runner does not come through here.
/// </summary>
public static class Program
{
    private const string Usage = """
        --seeds A..B | --replay SEED   which runs; a replay is made smaller if it fails
        --workers N                    usually 4
        --operations N                 usually 200
        --faults X                     the usual chances times X; 0: none
        --planted NAME                 a fault of ours that has to be found
        --trace FILE                   every message of a replay
        --scheduler simulated|local    NativeLink's rules, or the local cluster's scheduler with clients
        --fleet                        retries, waits and use by the rate of faults, a table
        --plot FILE                    the fleet's table as an SVG picture too
        """;

    private static readonly string[] Words =
        ["--seeds", "--replay", "--workers", "--operations", "--faults", "--planted", "--trace", "--fleet",
            "--scheduler", "--plot"];

    public static int Main(string[] args)
    {
        try
        {
            return Run(Read(args));
        }
        catch (FormatException error)
        {
            Console.Error.WriteLine($"{error.Message}\n{Usage}");
            return 2;
        }
    }

    private static int Run(Dictionary<string, string> words)
    {
        var options = new RunOptions(0)
        {
            Workers = Number(words, "--workers", 4, least: 1),
            Operations = Number(words, "--operations", 200, least: 1),
            Faults = Faults(words.GetValueOrDefault("--faults", "1")),
            Planted = Enum.TryParse<Planted>(words.GetValueOrDefault("--planted", nameof(Planted.None)), true,
                out var planted)
                ? planted
                : throw new FormatException($"--planted: one of {string.Join(", ", Enum.GetNames<Planted>())}"),
            Local = words.GetValueOrDefault("--scheduler", "simulated") switch
            {
                "local" => true,
                "simulated" => false,
                _ => throw new FormatException("--scheduler: simulated or local"),
            },
            TraceFile = words.GetValueOrDefault("--trace"),
        };
        if (words.ContainsKey("--fleet"))
            return FleetTable.Run(options, words.GetValueOrDefault("--plot"), Console.Out);
        if (words.ContainsKey("--plot"))
            throw new FormatException("--plot: of a fleet, with --fleet");
        if (words.ContainsKey("--replay"))
            return SeedRuns.Replay(options with { Seed = Number(words, "--replay", 1, 0) }, Console.Out);
        if (options.TraceFile is not null)
            throw new FormatException("--trace: of one seed, with --replay");
        var seeds = words.GetValueOrDefault("--seeds", "1..20").Split("..");
        if (seeds.Length > 2 || !int.TryParse(seeds[0], CultureInfo.InvariantCulture, out var from)
            || !int.TryParse(seeds[^1], CultureInfo.InvariantCulture, out var to) || from > to)
            throw new FormatException("--seeds: two numbers, A..B, the smaller one first");
        return SeedRuns.Run(options, from, to, Console.Out);
    }

    private static Dictionary<string, string> Read(string[] args)
    {
        var words = new Dictionary<string, string>();
        for (var i = 0; i < args.Length; i++)
        {
            if (!Words.Contains(args[i]))
                throw new FormatException($"'{args[i]}' is none of these:");
            if (args[i] != "--fleet" && i + 1 == args.Length)
                throw new FormatException($"{args[i]} wants a value");
            words[args[i]] = args[i] == "--fleet" ? "" : args[++i];
        }
        return words;
    }

    private static double Faults(string text) =>
        double.TryParse(text, CultureInfo.InvariantCulture, out var faults) && faults is >= 0 and <= 10
            ? faults
            : throw new FormatException("--faults: a number from 0 to 10");

    private static int Number(Dictionary<string, string> words, string name, int usual, int least) =>
        !words.TryGetValue(name, out var text) ? usual
        : int.TryParse(text, CultureInfo.InvariantCulture, out var number) && number >= least ? number
        : throw new FormatException($"{name}: a whole number, at least {least}");
}
