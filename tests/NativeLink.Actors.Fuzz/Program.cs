using System.Globalization;

namespace NativeLink.Actors.Fuzz;

/// <summary>Random and mutated input as a command. The test runner does not come through here.</summary>
public static class Program
{
    private const string Usage =
        "[--seed N] [--minutes M] [--target directory|action|command|update|config|tree] [--case N]\n"
        + "random and mutated input for the worker, the client and the configuration reader; " +
        "without --target each gets its share of the time;\n"
        + "--case runs one case of a target again, as a failure names it. Exit code 1: something was found.";

    public static async Task<int> Main(string[] args)
    {
        if (args.Length % 2 != 0)
        {
            await Console.Error.WriteLineAsync(Usage);
            return 2;
        }
        var options = args.Chunk(2).ToDictionary(pair => pair[0], pair => pair[1]);
        if (options.Keys.Except(["--seed", "--minutes", "--target", "--case"]).Any()
            || (options.TryGetValue("--target", out var wanted) && !FuzzRun.Targets.Contains(wanted)))
        {
            await Console.Error.WriteLineAsync(Usage);
            return 2;
        }
        var seed = int.Parse(options.GetValueOrDefault("--seed", "1"), CultureInfo.InvariantCulture);
        var (first, most) = options.TryGetValue("--case", out var number)
            ? (int.Parse(number, CultureInfo.InvariantCulture), 1)
            : (0, int.MaxValue);
        IReadOnlyList<string> targets = wanted is null ? FuzzRun.Targets : [wanted];
        var time = TimeSpan.FromMinutes(
            double.Parse(options.GetValueOrDefault("--minutes", "1"), CultureInfo.InvariantCulture)) / targets.Count;
        var found = 0;
        foreach (var target in targets)
        {
            var report = await FuzzRun.RunAsync(target, seed, first, most, time);
            Console.WriteLine($"{target}: {report.Cases} cases, {report.Findings.Count} findings");
            report.Findings.ToList().ForEach(Console.WriteLine);
            found += report.Findings.Count;
        }
        return found == 0 ? 0 : 1;
    }
}
