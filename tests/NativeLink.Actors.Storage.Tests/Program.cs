namespace NativeLink.Actors.Storage.Tests;

/// <summary>
/// The test assembly as a program, for what needs a process of its own: <c>crash-worker DIR
/// SEED</c> (gets killed), <c>crash-loop ROUNDS [DIR]</c>, <c>sharing-worker DIR SEED</c>,
/// <c>measure [DIR]</c>, <c>measure-huge [DIR]</c>, <c>protect MATERIALISER</c> (in <c>TMPDIR</c>).
/// The test runner does not come through here.
/// </summary>
public static class Program
{
    public static async Task<int> Main(string[] args)
    {
        switch (args)
        {
            case ["crash-worker", var directory, var seed]:
                await CrashLoop.WorkAsync(
                    directory, int.Parse(seed, System.Globalization.CultureInfo.InvariantCulture));
                return 0;
            case ["crash-loop", var rounds, .. var where]:
                InDirectory(
                    where, directory => CrashLoop.Run(directory, int.Parse(rounds,
                        System.Globalization.CultureInfo.InvariantCulture), Environment.TickCount, Console.WriteLine));
                return 0;
            case ["protect", var materialiser]:
                using (var fixture = new Materialisers.RootsFixture(materialiser))
                    await Materialisers.Protection.CheckAsync(fixture);
                Console.WriteLine($"{materialiser} held");
                return 0;
            case ["sharing-worker", var directory, var seed]:
                return SharedStore.Work(directory, int.Parse(seed, System.Globalization.CultureInfo.InvariantCulture));
            case ["measure", .. var where]:
                InDirectory(where, Measurements.Run);
                return 0;
            case ["measure-huge", .. var where]:
                InDirectory(where, HugeBlobs.Measure);
                return 0;
            default:
                await Console.Error.WriteLineAsync(
                    "crash-loop ROUNDS [DIR] or measure [DIR]; the tests run by dotnet test");
                return 2;
        }
    }

    private static void InDirectory(string[] where, Action<string> run)
    {
        using var temporary = where.Length == 0 ? new TempDirectory() : null;
        run(temporary?.Path ?? where[0]);
    }
}
