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
        --fleet                        retries, waits and use by the rate of faults, a table
        """;

    public static int Main(string[] args)
    {
        if (!TryRead(args, out var words))
        {
            Console.Error.WriteLine(Usage);
            return 2;
        }
        var options = new RunOptions(0)
        {
            Workers = Number(words, "--workers", 4),
            Operations = Number(words, "--operations", 200),
            Faults = double.Parse(words.GetValueOrDefault("--faults", "1"), CultureInfo.InvariantCulture),
            Planted = Enum.Parse<Planted>(words.GetValueOrDefault("--planted", nameof(Planted.None)), true),
            TraceFile = words.GetValueOrDefault("--trace"),
        };
        if (words.ContainsKey("--fleet"))
            return FleetTable.Run(options, Console.Out);
        if (words.ContainsKey("--replay"))
            return SeedRuns.Replay(options with { Seed = Number(words, "--replay", 1) }, Console.Out);
        var seeds = words.GetValueOrDefault("--seeds", "1..20").Split("..")
            .Select(static seed => int.Parse(seed, CultureInfo.InvariantCulture)).ToList();
        return SeedRuns.Run(options, seeds[0], seeds[^1], Console.Out);
    }

    private static bool TryRead(string[] args, out Dictionary<string, string> words)
    {
        words = [];
        for (var i = 0; i < args.Length; i++)
        {
            if (!Usage.Contains(args[i], StringComparison.Ordinal)
                || !args[i].StartsWith("--", StringComparison.Ordinal)
                || (args[i] != "--fleet" && i + 1 == args.Length))
                return false;
            words[args[i]] = args[i] == "--fleet" ? "" : args[++i];
        }
        return true;
    }

    private static int Number(Dictionary<string, string> words, string name, int usual) =>
        int.Parse(words.GetValueOrDefault(name, usual.ToString(CultureInfo.InvariantCulture)),
            CultureInfo.InvariantCulture);
}
