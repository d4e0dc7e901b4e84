namespace NativeLink.Actors.Storage.Tests;

/// <summary>
/// Where files can share their blocks: the temporary directory itself, else an xfs in a file there,
/// which root can mount where there is a loop device; it is gone when this process ends.
/// </summary>
internal static class ReflinkDisk
{
    private static readonly Lazy<string?> Found = new(Find);

    /// <summary>Null where it would be no better than the temporary directory.</summary>
    public static string? Directory => Found.Value;

    private static string? Find()
    {
        var temp = new TempDirectory();
        var can = Shell.Run("echo x > from && cp --reflink=always from to", temp.Path).ExitCode == 0;
        // The file goes with its mount: a process that ends has little time to delete gigabytes.
        const string Mount =
            "rm -f from to; mkdir xfs && truncate -s 2G image && mkfs.xfs -q image && mount -o loop image xfs " +
            "&& rm image";
        if (can || !Environment.IsPrivilegedProcess || Shell.Run(Mount, temp.Path).ExitCode != 0)
        {
            temp.Dispose();
            return null;
        }
        AppDomain.CurrentDomain.ProcessExit += (_, _) => temp.Dispose();
        return temp.At("xfs");
    }
}
