using NativeLink.Actors.Posix;

namespace NativeLink.Actors.Cli;

/// <summary>
/// Whether the process may open as many files as a worker needs
/// (getrlimit(2)). The worker itself measures more exactly, but only after
/// it has loaded what it is made of, for which there may be too few.
/// </summary>
internal static class DescriptorCheck
{
    private const int Least = 272;

    // Its clients' connections besides. Seen: with 325 and twenty
    // clients the runtime ended it, with 340 nothing failed.
    private const int LeastOfCluster = 344;

    private static readonly string[] Informing = ["check-config", "-h", "--help", "-?", "--version"];

    /// <summary>Null when there are enough, or when no worker is to run.</summary>
    public static string? WhyNot(string[] arguments)
    {
        var own = arguments.TakeWhile(static word => word != "--").ToList();
        if (own.Exists(static word => Informing.Contains(word))
            || (own is ["exec", ..]
                && own.Exists(static word => word.StartsWith("--executor", StringComparison.Ordinal))))
            return null;
        var (least, who) = own is ["local", ..]
            ? (LeastOfCluster, "a local cluster with its clients")
            : (Least, "one action");
        return ResourceLimit.OwnSoft(ResourceLimit.OpenFiles) is { } soft && soft < least
            ? $"{soft} open files are allowed (RLIMIT_NOFILE) and {who} needs {least}: raise the limit (ulimit -n)"
            : null;
    }
}
