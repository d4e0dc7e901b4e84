using System.Globalization;

namespace NativeLink.Actors.Benchmarks.Soak;

/// <summary>What the server has of everything that may not grow, after so many actions.</summary>
/// <param name="Blobs">Blobs and results that its store has to remember.</param>
internal sealed record SoakSample(
    int Actions, double Seconds, double Blobs, double Megabytes, double Descriptors, double Threads, double Mounts,
    double Groups, double LogMegabytes)
{
    /// <param name="data">Everything that the server keeps is below it.</param>
    public static SoakSample Take(int server, string data, string log, int actions, TimeSpan passed, long blobs)
    {
        var status = File.ReadAllLines($"/proc/{server}/status").Select(static line => line.Split(':', 2))
            .ToDictionary(static parts => parts[0], static parts => parts[1].Trim());
        double Field(string name) => double.Parse(status[name].Split(' ')[0], CultureInfo.InvariantCulture);
        return new SoakSample(actions, passed.TotalSeconds, blobs, Field("VmRSS") * 1024 / 1e6,
            Directory.GetFileSystemEntries($"/proc/{server}/fd").Length, Field("Threads"),
            File.ReadLines($"/proc/{server}/mounts").Count(line => line.Contains(data, StringComparison.Ordinal)),
            CountGroups(server), new FileInfo(log).Length / 1e6);
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
        $"{Mounts} mounts, {Groups} groups, log {LogMegabytes:0.00} MB, {Blobs} blobs and results");
}
