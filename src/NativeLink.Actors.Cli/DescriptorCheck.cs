using NativeLink.Actors.Posix;

namespace NativeLink.Actors.Cli;

/// <summary>
/// Whether the process may open as many files as a worker needs
/// (getrlimit(2)). The worker itself measures more exactly, but only after
/// it has loaded what it is made of, for which there may be too few.
/// </summary>
internal static unsafe class DescriptorCheck
{
    private const ulong Least = 272;

    private static readonly string[] Informing = ["check-config", "-h", "--help", "-?", "--version"];

    /// <summary>Null when there are enough, or when no worker is to run.</summary>
    public static string? WhyNot(string[] arguments)
    {
        var own = arguments.TakeWhile(static word => word != "--").ToList();
        if (own.Exists(static word => Informing.Contains(word))
            || (own is ["exec", ..]
                && own.Exists(static word => word.StartsWith("--executor", StringComparison.Ordinal))))
            return null;
        ResourceLimit limit;
        return Libc.ProcessLimit(0, ResourceLimit.OpenFiles, null, &limit) == 0 && limit.Soft < Least
            ? $"{limit.Soft} open files are allowed (RLIMIT_NOFILE) and one action needs {Least}: " +
                "raise the limit (ulimit -n)"
            : null;
    }
}
