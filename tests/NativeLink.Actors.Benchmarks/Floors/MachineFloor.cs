using System.Globalization;
using NativeLink.Actors.Benchmarks.Reporting;
using NativeLink.Actors.Benchmarks.Rig;

namespace NativeLink.Actors.Benchmarks.Floors;

/// <summary>
/// What this machine takes for the two calls that no action does without: by them a reader judges a
/// figure whose target is an absolute one.
/// </summary>
internal static class MachineFloor
{
    private const int Passes = 60;

    /// <summary>
    /// <c>this machine: spawn 0.53 ms, overlay mounted and
    /// unmounted 0.21 ms</c>; the mount only where the user may.
    /// </summary>
    public static async Task<string> DescribeAsync(BenchContext context)
    {
        var text = string.Create(CultureInfo.InvariantCulture,
            $"this machine: spawn {Median(static () => Native.SpawnAndWait("/bin/true")):0.00} ms");
        try
        {
            var directory = (await context.VolumeAsync("tmpfs")).NewDirectory("floor");
            foreach (var name in (string[])["l", "u", "w", "t"])
                Native.MakeDirectory(Path.Combine(directory, name));
            return string.Create(CultureInfo.InvariantCulture,
                $"{text}, overlay mounted and unmounted {Median(() => MountAndUnmount(directory)):0.00} ms");
        }
        catch (Exception error) when (error is CannotMeasureException or IOException)
        {
            return text;
        }
    }

    private static void MountAndUnmount(string directory)
    {
        Native.Mount("overlay", directory + "/t",
            $"lowerdir={directory}/l,upperdir={directory}/u,workdir={directory}/w,index=off");
        Native.Unmount(directory + "/t");
    }

    private static double Median(Action work)
    {
        var sample = new Sample();
        for (var pass = 0; pass < Passes; pass++)
            sample.Add(Sample.Time(work));
        return sample.Median;
    }
}
