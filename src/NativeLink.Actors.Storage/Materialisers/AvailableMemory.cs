using System.Globalization;

namespace NativeLink.Actors.Storage.Materialisers;

/// <summary>
/// Whether the machine runs out of memory (proc_meminfo(5),
/// MemAvailable); asked for once a second at most.
/// </summary>
/// <param name="ask">Bytes that are available; null: what the kernel says.</param>
internal sealed class AvailableMemory(Func<long>? ask)
{
    private const long AskAfterMilliseconds = 1000;
    private const int LowDivisor = 10;

    private long _asked = long.MinValue / 2;
    private bool _isLow;

    /// <summary>Bytes that this process may count on: the machine's, or its container's.</summary>
    public static long OfMachine => GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;

    /// <summary>A tenth, which stays for everything else.</summary>
    public static long Reserve => OfMachine / LowDivisor;

    /// <summary>
    /// Bytes that are available now; null where that is not known: in a container the kernel's
    /// answer is that of the whole machine.
    /// </summary>
    public long? Available => ask is not null
        ? ask()
        : IsWholeMachine && OfKernel("MemAvailable:") is { } bytes ? bytes : null;

    /// <summary>Whether less than the reserve is left.</summary>
    public bool IsLow
    {
        get
        {
            var now = Environment.TickCount64;
            if (now - Volatile.Read(ref _asked) >= AskAfterMilliseconds)
            {
                _isLow = (ask is not null ? ask() : OfKernel("MemAvailable:")) < Reserve;
                Volatile.Write(ref _asked, now);
            }
            return Volatile.Read(ref _isLow);
        }
    }

    private static bool IsWholeMachine { get; } = OfKernel("MemTotal:") is { } all && OfMachine >= all - (all / 20);

    /// <summary>Null when it cannot be read.</summary>
    private static long? OfKernel(string name)
    {
        try
        {
            foreach (var line in File.ReadLines("/proc/meminfo"))
            {
                if (line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is [var first, var kibibytes, ..]
                    && first == name)
                    return long.Parse(kibibytes, CultureInfo.InvariantCulture) << 10;
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // No descriptor is free: whoever asks does without.
        }
        return null;
    }
}
