using NativeLink.Actors.Benchmarks.Floors;
using NativeLink.Actors.Benchmarks.Plots;
using NativeLink.Actors.Benchmarks.Reporting;
using NativeLink.Actors.Benchmarks.Rig;
using NativeLink.Actors.Benchmarks.Targets;

namespace NativeLink.Actors.Benchmarks;

/// <summary>The command <c>targets</c>.</summary>
internal static class TargetRun
{
    private const string PlotsWord = "plots";

    /// <summary>
    /// Measures the targets that are named (all, when none is),
    /// one after the other, and prints a line for each finding.
    /// </summary>
    /// <returns>0 when each could be measured, whatever came out; else 1.</returns>
    public static async Task<int> RunAsync(BenchContext context, Arguments arguments)
    {
        var report = arguments.Out is { } directory ? new Report(directory) : null;
        var (failed, wanted) = (false, arguments.Words);
        foreach (var (name, measure) in TargetList.All.Where(
            target => wanted.Count == 0 || wanted.Contains(target.Name)))
        {
            var findings = await MeasureAsync(measure, context);
            if (findings.Any(static finding => finding.IsAbsolute))
                findings = WithMachine(findings, await MachineFloor.DescribeAsync(context));
            foreach (var finding in findings)
                Console.WriteLine($"{name} {finding}");
            failed |= findings.Any(static finding => finding.Verdict == Finding.Unmeasured);
            report?.Add(name, findings, DateOnly.FromDateTime(DateTime.UtcNow));
        }
        if (report is not null)
            await WriteAsync(context, report, arguments);
        return failed ? 1 : 0;
    }

    private static async Task WriteAsync(BenchContext context, Report report, Arguments arguments)
    {
        if (BlackBoxBench.Printed.Length > 0)
            report.AddBench(BlackBoxBench.Printed);
        if (arguments.Words.Count == 0 || arguments.Words.Contains(PlotsWord))
        {
            await StagingPlots.BySizeAsync(context, report.PathOf(Report.BySize));
            await StagingPlots.ByChangesAsync(context, report.PathOf(Report.ByChanges));
            await RatePlot.WriteAsync(context, report.PathOf(Report.ByInflight));
        }
        report.WriteTable();
        if (arguments.Readme)
            report.WriteInto(Path.Combine(context.Repository, "README.md"),
                Path.Combine(context.Repository, "tests/BlackBox/results/worker_bench-nativelink.txt"));
    }

    private static IReadOnlyList<Finding> WithMachine(IReadOnlyList<Finding> findings, string machine) =>
        [.. findings.Select(finding => finding.IsAbsolute
            ? finding with { Note = finding.Note.Length > 0 ? $"{finding.Note}; {machine}" : machine }
            : finding)];

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
