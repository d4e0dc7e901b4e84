using NativeLink.Actors.Benchmarks.Reporting;
using NativeLink.Actors.Benchmarks.Rig;

namespace NativeLink.Actors.Benchmarks;

/// <summary>The command <c>targets</c>.</summary>
internal static class TargetRun
{
    /// <summary>Measures the targets that are named (all, when none is), one after the other, and prints a line for each finding.</summary>
    /// <returns>0 when each could be measured, whatever came out; else 1.</returns>
    public static async Task<int> RunAsync(BenchContext context, IReadOnlySet<string> wanted)
    {
        var failed = false;
        foreach (var (name, measure) in TargetList.All.Where(target => wanted.Count == 0 || wanted.Contains(target.Name)))
        {
            foreach (var finding in await MeasureAsync(measure, context))
            {
                Console.WriteLine($"{name} {finding}");
                failed |= finding.Verdict == Finding.Unmeasured;
            }
        }
        return failed ? 1 : 0;
    }

    private static async Task<IReadOnlyList<Finding>> MeasureAsync(Measure measure, BenchContext context)
    {
        try
        {
            return await measure(context);
        }
        catch (CannotMeasureException reason)
        {
            return [Finding.NotMeasured("", reason.Message)];
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            return [Finding.NotMeasured("", $"the measuring broke: {error.GetType().Name}: {error.Message}")];
        }
    }
}
