using System.CommandLine;
using Microsoft.Extensions.Logging;
using NativeLink.Actors.Cli.Admin;
using NativeLink.Actors.Cli.Composition;
using NativeLink.Actors.Cli.Hosting;
using NativeLink.Actors.Worker;

namespace NativeLink.Actors.Cli.Commands;

/// <summary><c>nativelink-actors FILE</c>: runs the workers of a NativeLink configuration file.</summary>
internal sealed partial class WorkerCommand
{
    // Of a drain that nobody can cut short any more.
    private static readonly TimeSpan HangUpBound = TimeSpan.FromSeconds(20);

    private readonly Argument<string?> _file = Shared.PathArgument("FILE",
        "NativeLink configuration file (JSON5), or the short form of its page on workers.", ArgumentArity.ZeroOrOne);
    private readonly Option<string?> _config = Shared.PathOption("--config", "FILE", "The same as FILE.");
    private readonly Option<bool> _worker = new("--worker")
    {
        Description = "Understood for NativeLink's sake: a worker is what runs anyway.",
    };
    private readonly Option<string?> _workerId = new("--worker-id")
    {
        Description = "Name instead of the file's; each has its own part of the work directory, " +
            "so that several processes can share one file.",
        HelpName = "ID",
    };
    private readonly Option<int?> _workers = Shared.NumberOption(
        "--workers", "Run N workers like the first one of the file.");
    private readonly WorkerSwitchOptions _switches = new();
    private readonly Option<string?> _logLevel;

    private WorkerCommand(Option<string?> logLevel) => _logLevel = logLevel;

    /// <summary>Puts the worker's switches on the root command.</summary>
    public static void AddTo(RootCommand root, Option<string?> logLevel)
    {
        var command = new WorkerCommand(logLevel);
        root.Arguments.Add(command._file);
        foreach (var option in (Option[])[command._config, command._worker, command._workerId, command._workers])
            root.Options.Add(option);
        command._switches.AddTo(root);
        root.SetAction((result, _) => command.RunAsync(result));
    }

    private async Task<int> RunAsync(ParseResult result)
    {
        var path = File(result);
        var (id, count) = (result.GetValue(_workerId), Shared.Workers(result.GetValue(_workers), least: 1));
        if (id is { Length: 0 })
            throw new UsageException("--worker-id needs a name");
        var switches = _switches.Read(result, OwnEnvironment.All()) with { WorkerId = id, Count = count };
        var level = Shared.Level(result.GetValue(_logLevel), LogLevel.Information);
        var entered = Namespaces.Enter();
        var (config, notes) = ConfigFile.Load(path);
        var plan = WorkerComposition.Compose(config, switches);
        ConfigFile.RefuseMistakes(path, plan.Errors);
        if (plan.Hosts.IsEmpty)
            throw new UsageException($"{path} has no worker ('workers' is missing or empty); nothing was started");
        using var signals = new Signals(TimeProvider.System, HangUpBound);
        using var logs = Logs.Create(level);
        var log = logs.CreateLogger("NativeLink.Actors.Worker");
        Namespaces.Log(log, entered);
        foreach (var note in notes.Concat(plan.Notes))
            LogNote(log, ConfigFile.Shown(path, note));
        return await RunAsync(plan, switches.Status, signals, logs, log);
    }

    private static async Task<int> RunAsync(
        WorkerPlan plan, StatusOptions status, Signals signals, ILoggerFactory logs, ILogger log)
    {
        var state = new ProcessStatus(signals, false);
        // An address that somebody chose and that is taken is told before a scheduler knows of the workers.
        await using var chosen = await StatusServer.StartAsync(
            status, isChosen: true, state, logs, TimeProvider.System);
        await using var workers = await WorkerHost.StartAsync(
            [.. plan.Hosts.Select(host => host.Options)], logs, TimeProvider.System);
        state.Workers = workers;
        LogStarted(log, workers.Workers);
        await using var usual = await StatusServer.StartAsync(
            status, isChosen: false, state, logs, TimeProvider.System);
        return await WorkerRun.UntilSignalAsync(workers, signals, log, TimeProvider.System);
    }

    private string File(ParseResult result) => (result.GetValue(_file), result.GetValue(_config)) switch
    {
        (null, null) => throw new UsageException(
            "a configuration file is needed: nativelink-actors FILE (or a command; see --help)"),
        ({ } file, { } config) when file != config =>
            throw new UsageException($"two configuration files, '{file}' and '{config}': name one"),
        var (file, config) => file ?? config!,
    };

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Note}")]
    private static partial void LogNote(ILogger log, string note);

    [LoggerMessage(Level = LogLevel.Information, Message = "Started with {Count} worker(s)")]
    private static partial void LogStarted(ILogger log, int count);
}
