namespace NativeLink.Actors.Storage;

/// <summary>The machine's run: what the kernel had not written when it ended may be lost.</summary>
internal static class Boot
{
    /// <summary>A name of this run, which no other has (random(4), <c>boot_id</c>).</summary>
    /// <exception cref="IOException">There is no /proc.</exception>
    public static string ReadId() => File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();
}
