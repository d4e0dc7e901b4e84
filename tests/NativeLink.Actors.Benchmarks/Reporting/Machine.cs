using System.Globalization;

namespace NativeLink.Actors.Benchmarks.Reporting;

/// <summary>What was measured on.</summary>
internal static class Machine
{
    public static string Describe()
    {
        var kilobytes = long.Parse(File.ReadLines("/proc/meminfo").First()
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
        var kernel = File.ReadAllText("/proc/sys/kernel/osrelease").Trim();
        var privilege = Environment.IsPrivilegedProcess ? "root" : "an ordinary user";
        return string.Create(CultureInfo.InvariantCulture,
            $"{Environment.ProcessorCount} cores, {Math.Round(kilobytes / 1048576.0)} GiB of memory, " +
            $"Linux {kernel}, .NET {Environment.Version}, as {privilege}; ext4 is a loop device with a journal");
    }
}
