using System.Diagnostics;
using System.Globalization;
using NativeLink.Actors.Benchmarks.Rig;

namespace NativeLink.Actors.Benchmarks.Ruler;

/// <summary>
/// Counts the system calls of a process and of those that it starts meanwhile, by perf's counter of
/// the kernel's own tracepoint: strace would slow it down tenfold.
/// </summary>
internal static class SystemCalls
{
    private const string Event = "raw_syscalls:sys_enter";

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    /// <summary>Null where they can be counted, else why not.</summary>
    public static async Task<string?> WhyNotAsync()
    {
        try
        {
            var (code, output) = await BenchContext.RunAsync("perf", ["stat", "-x,", "-e", Event, "true"], Limit);
            return code == 0 && Count(output) is not null ? null : $"perf cannot count {Event}: {output.Trim()}";
        }
        catch (System.ComponentModel.Win32Exception error)
        {
            return $"perf: {error.Message}";
        }
    }

    public static async Task<double> CountAsync(int process, Func<Task> work)
    {
        using var perf = BenchContext.Start(
            "perf", ["stat", "-x,", "-e", Event, "-p", process.ToString(CultureInfo.InvariantCulture)]);
        try
        {
            var errors = perf.StandardError.ReadToEndAsync();
            // It has no sign for "I count now"; it opens its counters within some milliseconds.
            await Task.Delay(TimeSpan.FromMilliseconds(150));
            await work();
            using (var interrupt = Process.Start("kill", ["-INT", perf.Id.ToString(CultureInfo.InvariantCulture)]))
                await interrupt.WaitForExitAsync();
            using var limit = new CancellationTokenSource(Limit);
            await perf.WaitForExitAsync(limit.Token);
            var text = await errors;
            return Count(text) ?? throw new InvalidOperationException($"perf counted nothing: {text.Trim()}");
        }
        finally
        {
            if (!perf.HasExited)
                perf.Kill();
        }
    }

    private static double? Count(string output) =>
        output.Split('\n').FirstOrDefault(static line => line.Contains(Event, StringComparison.Ordinal)) is { } line
        && double.TryParse(line.Split(',')[0], CultureInfo.InvariantCulture, out var count) ? count : null;
}
