namespace NativeLink.Actors.Worker.Processes;

/// <summary>
/// Where a program is, or why it cannot be started: 127 for a missing one, 126 for one that may not
/// run, as shells report it (POSIX, sh, 2.8.2).
/// </summary>
internal readonly record struct ProgramPlace(string? Path, int ExitCode, string Message)
{
    internal static ProgramPlace Found(string path) => new(path, 0, "");

    internal static ProgramPlace Missing(string message) => new(null, 127, message);

    internal static ProgramPlace Refused(string message) => new(null, 126, message);
}

/// <summary>
/// Looks a program up as the action means it (protos/README.md 4.4): with a slash relative to its
/// working directory, without symlinks; without one in the PATH of its own environment.
/// posix_spawnp would take the worker's.
/// </summary>
internal static class ProgramLookup
{
    /// <summary>What the C library searches when there is no PATH (confstr(3), _CS_PATH).</summary>
    private const string DefaultPath = "/bin:/usr/bin";

    internal static ProgramPlace Find(ProcessPlan plan)
    {
        var name = plan.Arguments[0];
        if (name.Length == 0)
            return ProgramPlace.Missing("the command's first argument is empty: there is no program to run");
        return name.Contains('/') ? FindRelative(name, plan.WorkingDirectory) : FindInPath(name, plan);
    }

    private static ProgramPlace FindRelative(string name, string workingDirectory)
    {
        // Path.Combine, not GetFullPath: `..` after a symlink means the parent of its target.
        var canonical = Libc.Canonical(Path.Combine(workingDirectory, name), out var error);
        if (canonical is null)
            return error is Errno.ENOENT or Errno.ENOTDIR or Errno.ENAMETOOLONG
                ? ProgramPlace.Missing($"{name}: not found (looked up in {workingDirectory})")
                : ProgramPlace.Refused($"{name}: {Errno.Message(error)}");
        return Refusal(canonical) is { } reason
            ? ProgramPlace.Refused($"{name}: {reason}")
            : ProgramPlace.Found(canonical);
    }

    private static ProgramPlace FindInPath(string name, ProcessPlan plan)
    {
        var path = PathOf(plan.Environment) ?? DefaultPath;
        string? refusal = null;
        foreach (var directory in path.Split(':'))
        {
            var candidate = Path.Combine(plan.WorkingDirectory, directory, name);
            if (!File.Exists(candidate) && !Directory.Exists(candidate)) continue;
            if (Refusal(candidate) is not { } reason) return ProgramPlace.Found(candidate);
            refusal ??= $"{candidate}: {reason}";
        }

        return refusal is null
            ? ProgramPlace.Missing($"{name}: not found in PATH={path}")
            : ProgramPlace.Refused(refusal);
    }

    private static string? PathOf(IReadOnlyList<KeyValuePair<string, string>> environment)
    {
        string? path = null;
        foreach (var (name, value) in environment)
            if (name == "PATH") path = value;
        return path;
    }

    private static string? Refusal(string path)
    {
        if (Directory.Exists(path)) return "is a directory";
        return Libc.Access(path, Libc.AccessExecute) == 0 ? null : "not executable (permission denied)";
    }
}
