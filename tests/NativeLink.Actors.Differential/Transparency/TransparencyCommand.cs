using System.Diagnostics;
using System.Globalization;
using NativeLink.Actors.Differential.Running;
using NativeLink.Actors.Worker.Processes;

namespace NativeLink.Actors.Differential.Transparency;

/// <summary>
/// <c>transparency [--only TEXT] [--materialiser NAME]</c>: all programs with all materialisers, as
/// root and as an ordinary user.
/// </summary>
internal static class TransparencyCommand
{
    private const string Here = "--as-this-user";

    public static async Task<int> RunAsync(string[] arguments)
    {
        if (arguments.Length % 2 != 0 && !arguments.Contains(Here))
        {
            await Console.Error.WriteLineAsync(
                "transparency [--only TEXT] [--materialiser NAME]: " +
                "small programs in a plain directory and as actions, as root and as an ordinary user");
            return 2;
        }

        // Before anything is started: an ordinary user's worker is executed anew in namespaces of its own.
        if (!Environment.IsPrivilegedProcess)
            OwnNamespaces.Enter(Environment.GetEnvironmentVariable(OwnNamespaces.Variable),
                Environment.GetEnvironmentVariable("PATH"));
        var faults = await RunHereAsync(Option(arguments, "--only") ?? "", Option(arguments, "--materialiser"));
        if (Environment.IsPrivilegedProcess && !arguments.Contains(Here)) faults += RunAsOrdinaryUser(arguments);
        return faults == 0 ? 0 : 1;
    }

    private static string? Option(string[] arguments, string name) =>
        Array.IndexOf(arguments, name) is var at and >= 0 && at + 1 < arguments.Length ? arguments[at + 1] : null;

    private static async Task<int> RunHereAsync(string only, string? materialiser)
    {
        var run = new TransparencyRun(
            [.. Programs.All.Where(program => program.Name.Contains(only, StringComparison.Ordinal))]);
        var (faults, skipped) = (0, new HashSet<string>());
        foreach (var name in Matrix.Materialisers.Where(name => materialiser is null || name == materialiser))
        {
            var cell = await run.RunAsync(name);
            var what = cell.NotRun is { } why ? $"SKIPPED: {why}"
                : string.Create(CultureInfo.InvariantCulture,
                    $"{cell.Same} the same, {cell.Intended} intended differences, {cell.Faults.Count} others, " +
                    $"{cell.Skipped.Count} skipped");
            Console.WriteLine($"{name}, {TransparencyRun.User}: {what}");
            foreach (var program in cell.Skipped.Where(skipped.Add)) Console.WriteLine($"  skipped {program}");
            foreach (var fault in cell.Faults) Console.WriteLine($"  {fault}");
            faults += cell.Faults.Count;
        }

        return faults;
    }

    /// <summary>The same program again, with a copy of itself and a directory that the user can reach.</summary>
    private static int RunAsOrdinaryUser(string[] arguments)
    {
        using var directory = new TempDirectory();
        var script = "cp -r \"$1\" bin && mkdir own && chmod -R go+rX . " +
            "&& chown 1000:1000 own && shift && exec setpriv --reuid=1000 --regid=1000 --clear-groups env " +
            "HOME=$PWD/own TMPDIR=$PWD/own \"$@\"";
        var start = new ProcessStartInfo("/bin/sh", ["-c", script, "sh", AppContext.BaseDirectory, "dotnet",
            "bin/NativeLink.Actors.Differential.dll", "transparency", Here, .. arguments])
        {
            WorkingDirectory = directory.Path,
        };
        using var process = Process.Start(start)!;
        process.WaitForExit();
        return process.ExitCode;
    }
}
