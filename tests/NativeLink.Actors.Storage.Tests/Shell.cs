using System.Diagnostics;

namespace NativeLink.Actors.Storage.Tests;

/// <summary>Runs real shell commands, as an action would.</summary>
internal static class Shell
{
    public static (int ExitCode, string Output) Run(string script, string directory)
    {
        using var process = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", script])
        {
            WorkingDirectory = directory,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        Assert.True(process.WaitForExit(60_000));
        return (process.ExitCode, output + errors.Result);
    }

    /// <summary>Skips the test where this machine or this user cannot do what the script asks for.</summary>
    public static void RunOrSkip(string script, string directory)
    {
        var (code, output) = Run(script, directory);
        Skip.If(code != 0, $"not possible here: {output.Trim()}");
    }
}
