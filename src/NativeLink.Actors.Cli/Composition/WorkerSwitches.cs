using System.Collections.Immutable;
using System.CommandLine;
using NativeLink.Actors.Cli.Admin;
using NativeLink.Actors.Worker;
using NativeLink.Actors.Worker.Connection;

namespace NativeLink.Actors.Cli.Composition;

/// <summary>
/// What the command line says of the workers; null where the file, the default or the machine decides. A switch that
/// <c>worker</c> and <c>local</c> share is a member here, an option of <see cref="WorkerSwitchOptions"/> and a line of
/// <see cref="Apply(WorkerHostOptions)"/>.
/// </summary>
internal sealed record WorkerSwitches
{
    /// <summary>
    /// Replaces the name of the file's worker; each ID has its own part of the work directory. Obeyed by
    /// <see cref="WorkerNaming"/>.
    /// </summary>
    public string? WorkerId { get; init; }

    /// <summary>
    /// So many workers like the first one that there would be. Obeyed by <see cref="WorkerNaming"/>, and where
    /// <c>local</c> has no file by its defaults.
    /// </summary>
    public int? Count { get; init; }

    /// <summary>Actions at once on each worker.</summary>
    public int? MaxInflight { get; init; }

    /// <summary><c>overlay</c>, <c>reflink</c>, <c>hardlink</c> or <c>copy</c>.</summary>
    public string? Materialiser { get; init; }

    /// <summary>Memory for what running actions write; 0: none.</summary>
    public long? ScratchMemoryBytes { get; init; }

    /// <summary>How long SIGTERM waits for running actions.</summary>
    public TimeSpan? DrainTimeout { get; init; }

    /// <summary>What becomes of actions when their stream is lost.</summary>
    public DisconnectOptions? OnDisconnect { get; init; }

    /// <summary>So many failures of this machine in a row pause a worker; 0: never.</summary>
    public int? BreakerFailures { get; init; }

    /// <summary>All of them within this.</summary>
    public TimeSpan? BreakerWindow { get; init; }

    /// <summary>Where the process says how it is.</summary>
    public StatusOptions Status { get; init; } = new();

    /// <summary>This process's own environment; null: what the workers' options have.</summary>
    public ImmutableDictionary<string, string>? Environment { get; init; }

    /// <summary>The host as the file or the defaults have it, changed as the switches say.</summary>
    public WorkerHostOptions Apply(WorkerHostOptions host) => host with
    {
        DirectoryCache = host.DirectoryCache with
        {
            ForcedMaterialiser = Materialiser,
            ScratchMemoryBytes = ScratchMemoryBytes,
        },
        DrainTimeout = DrainTimeout ?? host.DrainTimeout,
        Breaker = Breaker(host.Breaker ?? new BreakerOptions()),
        Workers = [.. host.Workers.Select(Apply)],
    };

    private BreakerOptions? Breaker(BreakerOptions otherwise) => BreakerFailures == 0
        ? null
        : new BreakerOptions
        {
            Failures = BreakerFailures ?? otherwise.Failures,
            Window = BreakerWindow ?? otherwise.Window,
        };

    private WorkerOptions Apply(WorkerOptions worker) => worker with
    {
        Connection = worker.Connection with
        {
            MaxInflightTasks = MaxInflight ?? worker.Connection.MaxInflightTasks,
            OnDisconnect = OnDisconnect ?? worker.Connection.OnDisconnect,
        },
        Actions = worker.Actions with { OwnEnvironment = Environment ?? worker.Actions.OwnEnvironment },
    };
}

/// <summary>
/// The switches that <c>worker</c> and <c>local</c> share, on the command line, in variables or in a file of our own
/// (<see cref="OwnSettings"/>). They are no keys of NativeLink's file: it refuses a file with a key that it does not
/// know, and the same file has to serve both.
/// </summary>
internal sealed class WorkerSwitchOptions
{
    private const string Off = "off";
    private const string KillWord = "kill";
    private const string FinishWord = "finish";
    private static readonly string[] Materialisers = ["overlay", "reflink", "hardlink", "copy"];

    private readonly Option<string?> _file = new(OwnSettings.FileSwitch)
    {
        Description =
            "JSON file with settings of ours, which are no keys of NativeLink's file: " +
            "each switch below that takes a value, as key, for example \"drain_timeout\": \"5m\". " +
            "A variable (NLA_DRAIN_TIMEOUT) wins over the file, a switch over both.",
        HelpName = "FILE",
    };

    private readonly Option<string?> _materialiser = new("--materialiser")
    {
        Description =
            "How to make input roots, instead of the fastest safe way that works here. "
            + "hardlink lets an action change the store's files; what it changed is found out after its run.",
        HelpName = string.Join('|', Materialisers),
    };

    private readonly Option<string?> _memory = new("--scratch-memory")
    {
        Description =
            "Memory for what running actions write, on overlays; when it is used up, "
            + "further actions write to disk. 0: always to disk. Default: a quarter of the machine's.",
        HelpName = "SIZE",
    };

    private readonly Option<string?> _drainTimeout = new("--drain-timeout")
    {
        Description =
            "How long running actions may take after SIGTERM; what still runs then is ended and named in the log. "
            + "Default: 20m.",
        HelpName = "DURATION",
    };

    private readonly Option<string?> _onDisconnect = new("--on-disconnect")
    {
        Description =
            "What becomes of running actions when the stream to the scheduler is lost. finish: they run on, for "
            + "--on-disconnect-bound at most, and whoever sends the same action again gets their result. "
            + "Default: kill.",
        HelpName = $"{KillWord}|{FinishWord}",
    };

    private readonly Option<string?> _onDisconnectBound = new("--on-disconnect-bound")
    {
        Description = "How long such actions may run on, and their results are kept. Default: 10m.",
        HelpName = "DURATION",
    };

    private readonly Option<string?> _breakerFailures = new("--breaker-failures")
    {
        Description =
            "So many actions in a row that fail for reasons of this machine or its stores pause a worker, "
            + "until a trial action comes to its end. Default: 8; 0: never.",
        HelpName = "N",
    };

    private readonly Option<string?> _breakerWindow = new("--breaker-window")
    {
        Description = "All of them within this. Default: 1m.",
        HelpName = "DURATION",
    };

    private readonly Option<string?> _statusListen = new("--status-listen")
    {
        Description =
            "Where health (/healthz, /readyz), metrics (/metrics) and state (/api/workers) are served, by HTTP. "
            + "Default: 127.0.0.1:50071, or a free port where that is taken. There is no TLS: stay on loopback.",
        HelpName = "IP:PORT|off",
    };

    private readonly Option<string?> _statusToken = new("--status-token")
    {
        Description =
            "Who knows it may drain, pause and resume there. Everybody on this machine can read a command line: "
            + "better a variable, NLA_STATUS_TOKEN, or the --settings file. Default: nobody may.",
        HelpName = "TOKEN",
    };

    private IEnumerable<Option> Settings =>
    [
        _materialiser, _memory, _drainTimeout, _onDisconnect, _onDisconnectBound, _breakerFailures, _breakerWindow,
        _statusListen, _statusToken,
    ];

    public void AddTo(Command command)
    {
        command.Options.Add(_file);
        foreach (var option in Settings)
            command.Options.Add(option);
    }

    /// <param name="environment">This process's own.</param>
    /// <exception cref="UsageException">No such size, duration, word or file.</exception>
    public WorkerSwitches Read(ParseResult result, ImmutableDictionary<string, string> environment)
    {
        var settings = OwnSettings.Read(result, _file, Settings, environment);
        return new WorkerSwitches
        {
            Materialiser = Word(settings.Find(_materialiser), Materialisers),
            ScratchMemoryBytes = settings.Find(_memory) is { } memory
                ? SwitchText.Size(memory.Where, memory.Text)
                : null,
            DrainTimeout = Duration(settings.Find(_drainTimeout)),
            OnDisconnect = OnDisconnect(settings),
            BreakerFailures = settings.Find(_breakerFailures) is { } failures
                ? SwitchText.Number(failures.Where, failures.Text)
                : null,
            BreakerWindow = Duration(settings.Find(_breakerWindow)),
            Status = Status(settings),
            Environment = environment,
        };
    }

    private StatusOptions Status(OwnSettings settings)
    {
        var (listen, token) = (settings.Find(_statusListen), settings.Find(_statusToken));
        return new StatusOptions
        {
            Listen = listen is not { } at ? StatusOptions.Usual
                : at.Text.Equals(Off, StringComparison.OrdinalIgnoreCase) ? null
                : SwitchText.Address(at.Where, at.Text),
            IsChosen = listen is not null,
            Token = token is { Text.Length: 0 } none
                ? throw new UsageException($"{none.Where}: the token is empty; a variable that is not set, perhaps")
                : token?.Text,
        };
    }

    private DisconnectOptions? OnDisconnect(OwnSettings settings)
    {
        var word = Word(settings.Find(_onDisconnect), [KillWord, FinishWord]);
        var bound = Duration(settings.Find(_onDisconnectBound));
        if (bound is not null && word != FinishWord)
            throw new UsageException($"--on-disconnect-bound needs --on-disconnect {FinishWord}");
        return word is null
            ? null
            : new DisconnectOptions
            {
                Finish = word == FinishWord,
                Bound = bound ?? new DisconnectOptions().Bound,
            };
    }

    private static TimeSpan? Duration(OwnSetting? setting) =>
        setting is { } found ? SwitchText.Duration(found.Where, found.Text) : null;

    private static string? Word(OwnSetting? setting, string[] words) =>
        setting is { } found ? SwitchText.OneOf(found.Where, found.Text, words) : null;
}
