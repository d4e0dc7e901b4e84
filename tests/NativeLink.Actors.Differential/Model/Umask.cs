namespace NativeLink.Actors.Differential.Model;

internal static class Umask
{
    /// <summary>This process's own, from proc(5).</summary>
    public static uint Own { get; } = Convert.ToUInt32(
        File.ReadLines("/proc/self/status")
            .Single(line => line.StartsWith("Umask:", StringComparison.Ordinal))["Umask:".Length..].Trim(), 8);
}
