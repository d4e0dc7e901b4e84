using System.Globalization;

namespace NativeLink.Actors.Posix;

/// <summary>The process's umask, read once: modes it would cut have to be set by chmod.</summary>
internal static class Umask
{
    private static int _value = -1;

    /// <exception cref="IOException">It could not be read this time, for lack of a descriptor.</exception>
    public static bool Cuts(uint mode) => (mode & Value) != 0;

    // Not an initializer: one that fails fails for the life of the process.
    private static uint Value => (uint)(_value >= 0 ? _value : _value = (int)Read());

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
