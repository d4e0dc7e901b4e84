using System.CommandLine;
using Microsoft.Extensions.Logging;
using NativeLink.Actors.Cli.Admin;
using NativeLink.Actors.Cli.Composition;
using NativeLink.Actors.Cli.Hosting;

namespace NativeLink.Actors.Cli.Commands;

/// <summary><c>nativelink-actors local</c>: the cluster for one machine, with workers in the same process.</summary>
internal sealed partial class LocalCommand
{
    /// <summary>In minutes.</summary>
    private const int LongestKeepFor = 365 * 24 * 60;

    // A cluster started in a terminal that has gone: its actions are not to outlive it.
    private static readonly TimeSpan HangUpBound = TimeSpan.FromSeconds(2);

    private readonly Option<string?> _listen = new("--listen")
    {
        Description = "Where clients connect. Default 127.0.0.1:50051; there is no authentication: stay on loopback.",
        HelpName = "IP:PORT",
    };
    private readonly Option<string?> _workerApi = new("--worker-api-listen")
    {
        Description = "Where workers of other processes connect. Default 127.0.0.1:50061.",
        HelpName = "IP:PORT",
    };
    private readonly Option<int?> _workers = Shared.NumberOption("--workers",
        "How many workers to run in this process; 0: none, they come from elsewhere. Default 1, or those of the file.");
    private readonly Option<int?> _maxInflight = Shared.NumberOption(
        "--max-inflight", "Actions at once on each worker. Default: the number of processors, or as the file says.");
    private readonly Option<string?> _data = Shared.PathOption(
        "--data", "DIR",
        "Directory for everything that is kept and that the file names no place for. " +
        "Default ~/.cache/nativelink-actors.");
    private readonly Option<string?> _config = Shared.PathOption(
        "--config", "FILE",
        "NativeLink configuration file to take addresses, stores, workers and scheduler settings from; " +
        "switches win over it.");
    private readonly Option<int?> _keepFor = Shared.NumberOption(
        "--keep-for",
        "Minutes for which a blob that a client was told of is kept while there is anything else to evict. " +
        "Default 30; 0: not at all.");
    private readonly WorkerSwitchOptions _switches = new();
    private readonly Option<string?> _logLevel;

    private LocalCommand(Option<string?> logLevel) => _logLevel = logLevel;

    public static Command Build(Option<string?> logLevel) => new LocalCommand(logLevel).Build();

    private Command Build()
    {
        var command = new Command(
            "local",
            "Run a scheduler, a CAS, an action cache and workers for this machine in one process. " +
            "For more machines use NativeLink itself.");
        foreach (var option in (Option[])[_listen, _workerApi, _workers, _maxInflight, _data, _config, _keepFor])
            command.Options.Add(option);
        _switches.AddTo(command);
        command.SetAction((result, _) => RunAsync(result));
        return command;
    }

    private async Task<int> RunAsync(ParseResult result)
    {
        var time = TimeProvider.System;
        var level = Shared.Level(result.GetValue(_logLevel), LogLevel.Information);
        var switches = Switches(result);
        var entered = Namespaces.Enter();
        var plan = LocalPlan.Make(switches);
        using var signals = new Signals(TimeProvider.System, HangUpBound);
        using var logs = Logs.Create(level);
        var log = logs.CreateLogger("NativeLink.Actors.Local");
        Namespaces.Log(log, entered);
        foreach (var note in plan.Notes)
            LogNote(log, note);
        var data = plan.UsesDataDirectory ? DataDirectory.Open(plan.Data) : null;
        var state = new ProcessStatus(signals, true);
        await using var chosen = await StatusServer.StartAsync(
            switches.Workers.Status, isChosen: true, state, logs, time);
        await using var node = await LocalNode.StartAsync(plan.Cluster, plan.Workers, data, logs, time);
        PrintReady(node, plan);
        state.Workers = node.Workers;
        await using var usual = await StatusServer.StartAsync(
            switches.Workers.Status, isChosen: false, state, logs, time);
        var code = await WorkerRun.UntilSignalAsync(node.Workers, signals, log, time, node.Cluster.BeginDrain);
        if (code is ExitCodes.Ok or ExitCodes.DrainCut)
            await node.Cluster.WaitForClientsAsync(signals.End);
        return code;
    }

    private LocalSwitches Switches(ParseResult result)
    {
        var (workers, inflight) = (Shared.Workers(result.GetValue(_workers), least: 0), result.GetValue(_maxInflight));
        if (inflight < 1)
            throw new UsageException($"--max-inflight {inflight}: at least 1 is needed");
        var keepFor = result.GetValue(_keepFor);
        if (keepFor is < 0 or > LongestKeepFor)
            throw new UsageException(
                $"--keep-for {keepFor}: 0 to {LongestKeepFor} minutes, which is a year, are possible");
        return new LocalSwitches(Path.GetFullPath(result.GetValue(_data) ?? OwnEnvironment.DataDirectory()))
        {
            Listen = result.GetValue(_listen) is { } at ? SwitchText.Address("--listen", at) : null,
            WorkerApiListen = result.GetValue(_workerApi) is { } api
                ? SwitchText.Address("--worker-api-listen", api)
                : null,
            Workers = _switches.Read(result, OwnEnvironment.All()) with { Count = workers, MaxInflight = inflight },
            KeepFor = keepFor is { } minutes ? TimeSpan.FromMinutes(minutes) : null,
            ConfigFile = result.GetValue(_config),
        };
    }

    private static void PrintReady(LocalNode node, LocalPlan plan)
    {
        var instance = plan.Instance.Length > 0 ? $"\n  build --remote_instance_name={plan.Instance}" : "";
        var service = plan.Cluster.ExecutionInstances is { Length: 0 } ? "remote_cache" : "remote_executor";
        var workers = plan.Cluster.ServesWorkerApi
            ? $"\nworkers of other processes: " +
                $"worker_api_endpoint.uri\n  grpc://{LocalNode.Dialable(node.Cluster.WorkerApiAddress)}\n"
            : "";
        Console.Out.WriteLine($"""
            ready: {node.Workers.Workers} worker(s) in this process; blobs in {plan.Cluster.Cas.ContentPath}

            Bazel: paste into .bazelrc
              build --{service}=grpc://{LocalNode.Dialable(node.Cluster.ClientAddress)}{instance}
            {workers}
            """);
        Console.Out.Flush();
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Note}")]
    private static partial void LogNote(ILogger log, string note);
}
