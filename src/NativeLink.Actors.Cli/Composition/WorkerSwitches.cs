using System.Collections.Immutable;
using System.CommandLine;
using NativeLink.Actors.Worker;

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
        Workers = [.. host.Workers.Select(Apply)],
    };

    private WorkerOptions Apply(WorkerOptions worker) => worker with
    {
        Connection = worker.Connection with { MaxInflightTasks = MaxInflight ?? worker.Connection.MaxInflightTasks },
        Actions = worker.Actions with { OwnEnvironment = Environment ?? worker.Actions.OwnEnvironment },
    };
}

/// <summary>
/// The switches that <c>worker</c> and <c>local</c> share, as they stand on the command line. They are no keys of the
/// file: NativeLink refuses a file with a key that it does not know, and the same file has to serve both.
/// </summary>
internal sealed class WorkerSwitchOptions
{
    private readonly Option<string?> _materialiser = new Option<string?>("--materialiser")
    {
        Description =
            "How to make input roots, instead of the fastest safe way that works here. "
            + "hardlink lets an action change the store's files; what it changed is found out after its run.",
        HelpName = "overlay|reflink|hardlink|copy",
    }.AcceptOnlyFromAmong("overlay", "reflink", "hardlink", "copy");

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

    public void AddTo(Command command)
    {
        command.Options.Add(_materialiser);
        command.Options.Add(_memory);
        command.Options.Add(_drainTimeout);
    }

    /// <param name="environment">This process's own.</param>
    /// <exception cref="UsageException">No such size, or no such duration.</exception>
    public WorkerSwitches Read(ParseResult result, ImmutableDictionary<string, string> environment)
    {
        return new WorkerSwitches
        {
            Materialiser = result.GetValue(_materialiser),
            ScratchMemoryBytes = result.GetValue(_memory) is { } memory
                ? SwitchText.Size("--scratch-memory", memory)
                : null,
            DrainTimeout = result.GetValue(_drainTimeout) is { } text
                ? SwitchText.Duration("--drain-timeout", text)
                : null,
            Environment = environment,
        };
    }
}
