using NativeLink.Actors.Benchmarks.Rig;

namespace NativeLink.Actors.Benchmarks.Crash;

/// <summary>
/// The configuration file of a <c>local</c> in the crash rounds: stores so small that they evict,
/// and that a check of all they hold stays short however many rounds there are.
/// </summary>
internal static class CrashFile
{
    /// <summary>Several times what a round needs at once.</summary>
    public const string StoreBytes = "48mb";

    public static string WriteLocal(string data) =>
        LocalFile.Write(Path.Combine(data, "local.json5"), data, $"max_bytes: \"{StoreBytes}\"");
}
