using System.Diagnostics;
using NativeLink.Actors.Testing.Workers;

namespace NativeLink.Actors.Differential.Transparency;

/// <summary>A program in a plain directory.</summary>
internal static class PlainRun
{
    public static readonly IReadOnlyList<(string Name, string Value)> Variables = [
        ("PATH", "/usr/local/bin:/usr/bin:/bin"), ("LC_ALL", "C.UTF-8"), ("HOME", "/nonexistent"), ("TZ", "UTC")];

    // What a process of a login shell has: nothing of this one's descriptors and signals, nor an
    // ordinary user's capabilities over his own namespaces.
    private const string Clean = "for d in /proc/$$/fd/*; do n=${d##*/}; " +
        "[ $n -le 2 ] || [ $n = 255 ] || eval \"exec $n>&-\"; done; umask 022; exec /bin/sh -c \"$0\" < /dev/null";

    private static readonly TimeSpan Bound = TimeSpan.FromMinutes(2);

    public static async Task<Seen> RunAsync(SmallProgram program, string directory)
    {
        Inputs.WriteTo(directory, !program.AsAPersonHasThem);
        if (!program.AsAPersonHasThem) await ShellAsync(Inputs.SetTimes, directory);
        var (code, stdout, stderr) = await ShellAsync(program.FullScript, directory);
        return new Seen(code, stdout, stderr, Listed(Path.Combine(directory, "out")));
    }

    /// <summary>Why a program cannot be run here, or null.</summary>
    public static async Task<string?> WhyNotAsync(SmallProgram program, string directory)
    {
        foreach (var need in program.Needs)
            if ((await ShellAsync($"command -v {need}", directory)).ExitCode != 0) return $"{need} is not installed";
        return program.Trial.Length == 0 || (await ShellAsync(program.Trial, directory)).ExitCode == 0
            ? null
            : $"it does not work here: {program.Trial}";
    }

    private static async Task<(int ExitCode, string Stdout, string Stderr)> ShellAsync(string script, string directory)
    {
        string[] drop = Environment.IsPrivilegedProcess
            ? []
            : ["setpriv", "--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all"];
        var start = new ProcessStartInfo("/usr/bin/setsid",
            ["--wait", .. drop, "env", "--default-signal", "/bin/bash", "-c", Clean, script])
        {
            WorkingDirectory = directory,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment.Clear();
        foreach (var (name, value) in Variables) start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var (stdout, stderr) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync().WaitAsync(Bound);
        return (process.ExitCode, await stdout.WaitAsync(Bound), await stderr.WaitAsync(Bound));
    }

    private static Dictionary<string, string> Listed(string directory)
    {
        var found = new Dictionary<string, string>();
        foreach (var path in Directory.Exists(directory)
            ? Directory.EnumerateFileSystemEntries(directory, "*", SearchOption.AllDirectories)
            : [])
        {
            var info = new FileInfo(path);
            var executable = (info.UnixFileMode & UnixFileMode.UserExecute) != 0 ? " executable" : "";
            found[Path.GetRelativePath(directory, path)] = info.LinkTarget is { } target ? $"link {target}"
                : Directory.Exists(path) ? "directory"
                : $"file {Hashes.Of(File.ReadAllBytes(path), DigestFunction.Sha256)}{executable}";
        }

        return found;
    }
}
