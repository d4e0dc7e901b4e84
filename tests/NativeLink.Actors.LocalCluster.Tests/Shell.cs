using System.Diagnostics;

namespace NativeLink.Actors.LocalCluster.Tests;

/// <summary>Programs of the system that a test needs.</summary>
internal static class Shell
{
    /// <summary>Whether it ran and ended with 0.</summary>
    public static bool TryRun(string program, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments)
            {
                RedirectStandardError = true,
                RedirectStandardOutput = true,
            })!;
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
