using System.Globalization;
using NativeLink.Actors.Benchmarks.Rig;

namespace NativeLink.Actors.Benchmarks.Soak;

/// <summary>What the process has of everything that may not grow, after so many actions.</summary>
/// <param name="DiskMegabytes">Of everything that it keeps.</param>
internal sealed record SoakSample(
    int Actions, double Seconds, double Megabytes, double Descriptors, double Threads, double Mounts,
    double Groups, double LogMegabytes, double DiskMegabytes)
{
    private static readonly TimeSpan DiskBound = TimeSpan.FromMinutes(1);

    /// <param name="data">Everything that the server keeps is below it.</param>
    public static async Task<SoakSample> TakeAsync(int server, string data, string log, int actions, TimeSpan passed)
    {
        // Files come and go meanwhile, of which it complains; the sum is the last line that begins with a number.
        var (_, disk) = await BenchContext.RunAsync("du", ["-s", "-x", "-k", data], DiskBound);
        var kilobytes = disk.Split('\n').Last(static line => line.Length > 0 && char.IsAsciiDigit(line[0]))
            .Split('\t')[0];
        var status = File.ReadAllLines($"/proc/{server}/status").Select(static line => line.Split(':', 2))
            .ToDictionary(static parts => parts[0], static parts => parts[1].Trim());
        double Field(string name) => double.Parse(status[name].Split(' ')[0], CultureInfo.InvariantCulture);
        return new SoakSample(actions, passed.TotalSeconds, Field("VmRSS") * 1024 / 1e6,
            Directory.GetFileSystemEntries($"/proc/{server}/fd").Length, Field("Threads"),
            File.ReadLines($"/proc/{server}/mounts").Count(line => line.Contains(data, StringComparison.Ordinal)),
            CountGroups(server), new FileInfo(log).Length / 1e6,
            double.Parse(kilobytes, CultureInfo.InvariantCulture) * 1024 / 1e6);
    }

    /// <summary>The server's own groups, by the process id in their names, with all below them.</summary>
    public static int CountGroups(int server)
    {
        var everywhere = new EnumerationOptions
        {
            RecurseSubdirectories = true,
            IgnoreInaccessible = true,
            AttributesToSkip = FileAttributes.ReparsePoint,
        };
        return Directory.EnumerateDirectories("/sys/fs/cgroup", $"nativelink-actors.*.{server}.*", everywhere)
            .Sum(own => 1 + Directory.EnumerateDirectories(own, "*", everywhere).Count());
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{Seconds,6:0} s {Actions,8} actions: {Megabytes:0.0} MB, {Descriptors} descriptors, {Threads} threads, " +
        $"{Mounts} mounts, {Groups} groups, log {LogMegabytes:0.00} MB, disk {DiskMegabytes:0} MB");
}
