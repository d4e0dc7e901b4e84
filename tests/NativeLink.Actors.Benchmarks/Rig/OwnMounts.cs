using System.Runtime.InteropServices;

namespace NativeLink.Actors.Benchmarks.Rig;

/// <summary>
/// A mount namespace for this process and its children: what is mounted in it is gone when the last
/// of them has ended, however they ended.
/// </summary>
internal static unsafe partial class OwnMounts
{
    /// <summary>The switch that says that this has been done.</summary>
    public const string Mark = "--own-mounts";

    /// <summary>
    /// Starts this program anew, with the same process id, in a namespace of its own. Without root
    /// it stays where it is, and nothing can be mounted.
    /// </summary>
    public static void Enter(string[] args)
    {
        if (args.Contains(Mark) || !Environment.IsPrivilegedProcess)
            return;
        var line = File.ReadAllText("/proc/self/cmdline").TrimEnd('\0').Split('\0');
        // argv[0] may be a bare name ("dotnet"); the program itself is known.
        line[0] = Environment.ProcessPath!;
        string?[] arguments = ["unshare", "--mount", "--propagation", "private", .. line, Mark, null];
        var pointers = arguments.Select(static text => text is null ? 0 : Marshal.StringToCoTaskMemUTF8(text))
            .ToArray();
        fixed (nint* argv = pointers)
            _ = Execute("unshare", argv);
        Console.Error.WriteLine(
            $"no mount namespace of its own: unshare(1) cannot be started, error {Marshal.GetLastPInvokeError()}");
    }

    [LibraryImport("libc", EntryPoint = "execvp", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Execute(string program, nint* arguments);
}
