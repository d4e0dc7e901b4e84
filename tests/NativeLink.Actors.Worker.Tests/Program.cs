using System.Globalization;

namespace NativeLink.Actors.Worker.Tests;

/// <summary>
/// The test assembly as a program, for what needs a process of its own: <c>simulate SEED [FILE]</c> prints the SHA-256
/// of a simulation's trace, and writes it.
/// </summary>
public static class Program
{
    public static int Main(string[] args)
    {
        if (args is not ["simulate", var seed, .. var file])
        {
            Console.Error.WriteLine("simulate SEED [FILE]; the tests run by dotnet test");
            return 2;
        }
        var simulation = Simulation.Simulation.Run(int.Parse(seed, CultureInfo.InvariantCulture));
        Console.WriteLine(simulation.World.Trace.Sha256);
        if (file is [var path])
            File.WriteAllLines(path, simulation.World.Trace.Lines);
        foreach (var wrong in simulation.World.Wrong.Concat(simulation.World.Trace.Strays))
            Console.Error.WriteLine(wrong);
        return simulation.World.Wrong.Count > 0 || !simulation.World.Trace.Strays.IsEmpty ? 1 : 0;
    }
}
