using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using NativeLink.Actors.Worker.Processes;

namespace NativeLink.Actors.Benchmarks.Inner;

/// <summary>
/// The command <c>spawns</c>: the launcher alone, with a program that does nothing, over all of its
/// lanes, and counts those that do not come back. Two threads a processor only count meanwhile when
/// told to: children, lanes and the reaper then lose their processor at every moment there is.
/// </summary>
internal static class Spawns
{
    public const string Command = "spawns";
    private const string Loaded = "--loaded";
    private static readonly TimeSpan Hang = TimeSpan.FromSeconds(60);

    /// <param name="words">How many; then, as far as given: a kind of containment, how many at
    /// once, <c>--loaded</c>.</param>
    /// <returns>0 when each came back with exit code 0.</returns>
    public static async Task<int> RunAsync(string[] words)
    {
        var numbers = words.Select(static word => int.TryParse(word, CultureInfo.InvariantCulture, out var number)
            ? number
            : 0).Where(static number => number > 0).ToList();
        var count = numbers.ElementAtOrDefault(0) is > 0 and var many ? many : 100_000;
        var atOnce = numbers.ElementAtOrDefault(1) is > 0 and var wide ? wide : 16;
        var kind = words.Select(static word => Enum.TryParse<ContainmentKind>(word, ignoreCase: true, out var named)
            && !char.IsDigit(word[0]) ? named : (ContainmentKind?)null)
            .FirstOrDefault(static named => named is not null) ?? ContainmentKind.Automatic;
        using var stop = new CancellationTokenSource();
        var burners = words.Contains(Loaded) ? Burn(stop.Token) : [];
        int bad;
        using (var launcher = PosixProcessLauncher.Create(new ProcessLauncherOptions
        {
            Containment = kind,
        }, TimeProvider.System, NullLogger.Instance))
        {
            Console.WriteLine(launcher.Description);
            var scratch = Directory.CreateTempSubdirectory("nla-spawns-");
            bad = await MeasureAsync(launcher, Path.Combine(scratch.FullName, "said"), count, atOnce);
            scratch.Delete(recursive: true);
        }

        await stop.CancelAsync();
        foreach (var burner in burners) burner.Join();
        return bad == 0 ? 0 : 1;
    }

    private static async Task<int> MeasureAsync(PosixProcessLauncher launcher, string said, int count, int atOnce)
    {
        var plan = new ProcessPlan(["/bin/true"], [], "/", said, said + "-wrong");
        for (var i = 0; i < 200; i++) await launcher.RunAsync(plan, CancellationToken.None);
        var (left, done, hung, wrong) = (count, 0, 0, 0);
        var (processor, switches, began) = (ProcessorTime(), Switches(), Stopwatch.GetTimestamp());
        var told = 0;
        await Task.WhenAll(Enumerable.Range(0, atOnce).Select(async _ =>
        {
            while (Interlocked.Decrement(ref left) >= 0)
            {
                try
                {
                    var report = await launcher.RunAsync(plan, CancellationToken.None).WaitAsync(Hang);
                    if (report.ExitCode != 0) Interlocked.Increment(ref wrong);
                }
                catch (TimeoutException)
                {
                    Interlocked.Increment(ref hung);
                }
                catch (Protocol.FaultException error)
                {
                    if (Interlocked.Increment(ref wrong) <= 10) Console.WriteLine(error.Fault);
                }

                if (Interlocked.Increment(ref done) * 10L / count is var tenth
                    && Interlocked.Exchange(ref told, (int)tenth) < tenth)
                    Console.WriteLine(
                        string.Create(
                            CultureInfo.InvariantCulture,
                            $"{done} after {Stopwatch.GetElapsedTime(began).TotalSeconds:0} s, {hung} hung, " +
                            $"{wrong} wrong"));
            }
        }));
        var seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"spawns {count} at-once {atOnce} hung {hung} wrong {wrong} per-second {count / seconds:0} cpu-us " +
            $"{(ProcessorTime() - processor).TotalMicroseconds / count:0} switches " +
            $"{(Switches() - switches) / (double)count:0.00}"));
        return hung + wrong;
    }

    /// <summary>This process's and that of the children it has waited for, in which burners count too.</summary>
    private static TimeSpan ProcessorTime()
    {
        var fields = File.ReadAllText("/proc/self/stat")
            .Split(')')[^1].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return TimeSpan.FromSeconds(
            fields[11..15].Sum(static field => double.Parse(field, CultureInfo.InvariantCulture)) / 100);
    }

    /// <summary>Voluntary ones, of all threads that are there.</summary>
    private static long Switches()
    {
        var sum = 0L;
        foreach (var thread in Directory.GetDirectories("/proc/self/task"))
        {
            var line = File.ReadLines(thread + "/status")
                .First(static line => line.StartsWith("voluntary_ctxt_switches", StringComparison.Ordinal));
            sum += long.Parse(line.Split('\t')[1], CultureInfo.InvariantCulture);
        }

        return sum;
    }

    private static List<Thread> Burn(CancellationToken until)
    {
        var threads = Enumerable.Range(0, 2 * Environment.ProcessorCount).Select(_ => new Thread(() =>
        {
            while (!until.IsCancellationRequested)
            {
                // Nothing: it only takes time.
            }
        })
        { IsBackground = true, Name = "burner" }).ToList();
        threads.ForEach(static thread => thread.Start());
        return threads;
    }
}
