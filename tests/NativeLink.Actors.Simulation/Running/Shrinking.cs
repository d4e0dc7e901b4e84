using NativeLink.Actors.Simulation.World;

namespace NativeLink.Actors.Simulation.Running;

/// <summary>Makes a failing run smaller: fewer operations, and of each fault as few as still make it fail.</summary>
internal static class Shrinking
{
    /// <param name="failing">A run that fails.</param>
    /// <param name="tell">Told of each step that worked.</param>
    public static RunOptions Shrink(RunOptions failing, Action<string> tell)
    {
        var smallest = failing;
        foreach (var kind in Enum.GetValues<SimFault>())
            smallest = With(smallest, kind, tell);
        for (var operations = smallest.Operations / 2; operations >= 1; operations /= 2)
        {
            var fewer = smallest with { Operations = operations };
            if (!Fails(fewer))
                break;
            smallest = fewer;
            tell($"{operations} operations");
        }
        return smallest;
    }

    /// <summary>As few of one kind as it takes.</summary>
    private static RunOptions With(RunOptions failing, SimFault kind, Action<string> tell)
    {
        var struck = SimulationRun.Run(failing).World.Faults.Struck[kind];
        for (var (least, most) = (0, struck); most > 0;)
        {
            var count = least + ((most - least) / 2);
            var fewer = failing with { Most = failing.Most.SetItem(kind, count) };
            if (Fails(fewer))
            {
                (failing, most) = (fewer, count);
                tell($"{kind} {count} of {struck}");
            }
            else
                least = count + 1;
            if (least >= most)
                break;
        }
        return failing;
    }

    private static bool Fails(RunOptions options)
    {
        try
        {
            return !SimulationRun.Run(options).Sound;
        }
        catch (InvalidOperationException)
        {
            return true;
        }
    }
}
