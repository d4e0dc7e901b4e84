using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using NativeLink.Actors.Worker.Processes;

namespace NativeLink.Actors.Worker.Tests.Processes;

/// <summary>A launcher and a directory to run real processes in; both are gone afterwards.</summary>
internal sealed class Workbench : IDisposable
{
    internal static readonly KeyValuePair<string, string> UsualPath = new("PATH", "/usr/bin:/bin");

    // Two hundred that are ended at once beside other work: ten seconds have been too little for the kernel.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly ConcurrentDictionary<ContainmentKind, string?> Reasons = new();

    private readonly TempDirectory _directory = new();
    private int _runs;

    internal Workbench(
        ContainmentKind kind = ContainmentKind.Automatic, TimeSpan? busyBound = null, TimeSpan? spawnBound = null)
    {
        var options = new ProcessLauncherOptions { Containment = kind };
        options = options with
        {
            BusyBound = busyBound ?? options.BusyBound,
            SpawnBound = spawnBound ?? Patience,
            EndBound = Patience,
        };
        Launcher = PosixProcessLauncher.Create(options, TimeProvider.System, NullLogger.Instance);
    }

    /// <param name="kind">A name of <see cref="Kinds"/>.</param>
    internal Workbench(string kind)
        : this(Enum.Parse<ContainmentKind>(kind))
    {
    }

    internal PosixProcessLauncher Launcher { get; }

    internal string Directory => _directory.Path;

    internal string Mark { get; } = $"NL_TEST_MARK=m{Guid.NewGuid():N}";

    /// <summary>Every kind that an action can be contained by.</summary>
    internal static TheoryData<string> Kinds() =>
        [nameof(ContainmentKind.Subreaper), nameof(ContainmentKind.Cgroup), nameof(ContainmentKind.PidNamespace)];

    /// <summary>The kinds of containment that work on this machine.</summary>
    internal static int CountOfWorking() => Enum.GetValues<ContainmentKind>()
        .Count(static kind => kind != ContainmentKind.Automatic && WhyNot(kind) is null);

    /// <summary>
    /// Skips the test where this user has not the right
    /// that the kind needs; the subreaper needs none.
    /// </summary>
    internal static void Needs(ContainmentKind kind) =>
        Skip.If(WhyNot(kind) is not null, $"no {kind} here: {WhyNot(kind)}");

    internal static void Needs(string kind) => Needs(Enum.Parse<ContainmentKind>(kind));

    /// <summary>The directory of a launcher's groups.</summary>
    internal static string GroupsOf(PosixProcessLauncher launcher) =>
        launcher.Description.Split(' ')
            .First(static word => word.Contains("/nativelink-actors.", StringComparison.Ordinal)).TrimEnd(',');

    /// <summary>How many processes are in a launcher's groups.</summary>
    internal static int CountInGroups(PosixProcessLauncher launcher) =>
        InGroups(launcher, "cgroup.procs").Sum(static processes => processes.Count(static letter => letter == '\n'));

    /// <summary>The contents of a file of each of a launcher's groups, but for those that go meanwhile.</summary>
    internal static List<string> InGroups(PosixProcessLauncher launcher, string name)
    {
        var contents = new List<string>();
        foreach (var group in System.IO.Directory.EnumerateDirectories(GroupsOf(launcher)))
        {
            try
            {
                contents.Add(File.ReadAllText(Path.Combine(group, name)));
            }
            catch (IOException)
            {
                // It has ended.
            }
        }
        return contents;
    }

    private static string? WhyNot(ContainmentKind kind) => Reasons.GetOrAdd(kind, static kind =>
    {
        try
        {
            PosixProcessLauncher.Create(new ProcessLauncherOptions
            {
                Containment = kind,
            }, TimeProvider.System, NullLogger.Instance).Dispose();
            return null;
        }
        catch (FaultException error)
        {
            return error.Fault.Detail;
        }
    });

    internal ProcessPlan Plan(params string[] arguments)
    {
        var run = Interlocked.Increment(ref _runs).ToString(CultureInfo.InvariantCulture);
        var mark = Mark.Split('=');
        return new ProcessPlan(arguments, [UsualPath, new(mark[0], mark[1])], Directory,
            Path.Combine(Directory, run + ".out"), Path.Combine(Directory, run + ".err"));
    }

    internal ProcessPlan Shell(string script) => Plan("/bin/sh", "-c", script);

    internal async Task<Result> RunAsync(ProcessPlan plan, CancellationToken abort = default)
    {
        var report = await Launcher.RunAsync(plan, abort).WaitAsync(2 * Patience, CancellationToken.None);
        return new Result(report, await SpoolAsync(plan.StdoutPath), await SpoolAsync(plan.StderrPath));
    }

    internal Task<Result> ShellAsync(string script) => RunAsync(Shell(script));

    internal async Task<Fault> FaultOfAsync(ProcessPlan plan) =>
        (await Assert.ThrowsAsync<FaultException>(() => Launcher.RunAsync(plan, CancellationToken.None))).Fault;

    /// <summary>Live processes with this bench's mark in their environment.</summary>
    internal List<int> Marked()
    {
        var found = new List<int>();
        foreach (var directory in System.IO.Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(directory), NumberStyles.None, CultureInfo.InvariantCulture,
                out var pid)) continue;
            try
            {
                if (File.ReadAllText(directory + "/environ").Contains(Mark, StringComparison.Ordinal)
                    && ProcStat.State(File.ReadAllText(directory + "/stat")) != 'Z') found.Add(pid);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                // It has ended meanwhile, or is another user's.
            }
        }

        return found;
    }

    public void Dispose()
    {
        Launcher.Dispose();
        _directory.Dispose();
    }

    /// <summary>Who has said nothing has no spool file.</summary>
    private static async Task<string> SpoolAsync(string path) =>
        File.Exists(path) ? await File.ReadAllTextAsync(path, CancellationToken.None) : "";

    internal sealed record Result(ProcessReport Report, string Out, string Error);
}
