using System.Globalization;

namespace NativeLink.Actors.Posix;

/// <summary>The process's umask, read once: modes it would cut have to be set by chmod.</summary>
internal static class Umask
{
    private static readonly uint Value = Read();

    public static bool Cuts(uint mode) => (mode & Value) != 0;

    private static uint Read()
    {
        foreach (var line in File.ReadLines("/proc/self/status"))
        {
            if (line.StartsWith("Umask:", StringComparison.Ordinal))
                return Convert.ToUInt32(line[6..].Trim(), 8);
        }
        throw new InvalidOperationException(string.Create(
            CultureInfo.InvariantCulture, $"no umask in /proc/self/status of process {Environment.ProcessId}"));
    }
}
