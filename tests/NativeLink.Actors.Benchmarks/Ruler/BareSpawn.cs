using System.Diagnostics;
using NativeLink.Actors.Benchmarks.Floors;

namespace NativeLink.Actors.Benchmarks.Ruler;

/// <summary>
/// What one thread uses that does nothing but spawn a
/// program and wait for it: the floor of an action.
/// </summary>
internal sealed record BareSpawn(double CpuMilliseconds, double VoluntarySwitches, double PerSecond)
{
    private const string ThisThread = "/proc/thread-self";

    public static BareSpawn Measure(int count)
    {
        var before = ProcessMeter.ReadThread(ThisThread)!.Value;
        var began = Stopwatch.GetTimestamp();
        for (var i = 0; i < count; i++)
            Native.SpawnAndWait("/bin/true");
        var took = Stopwatch.GetElapsedTime(began);
        var after = ProcessMeter.ReadThread(ThisThread)!.Value;
        return new BareSpawn((after.Nanoseconds - before.Nanoseconds) / 1e6 / count,
            (after.Switches - before.Switches) / count, count / took.TotalSeconds);
    }
}
