using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace NativeLink.Actors.Cli.Hosting;

/// <summary>Log lines go to stderr, one line each, UTC, so that stdout stays for answers.</summary>
internal static class Logs
{
    private static readonly (string Name, LogLevel Level)[] Levels =
    [
        ("ERROR", LogLevel.Error),
        ("WARN", LogLevel.Warning),
        ("WARNING", LogLevel.Warning),
        ("INFO", LogLevel.Information),
        ("DEBUG", LogLevel.Debug),
        ("TRACE", LogLevel.Trace),
        ("OFF", LogLevel.None),
    ];

    /// <summary>The names that <c>--log-level</c> and NL_LOG take.</summary>
    public const string Names = "ERROR, WARN, INFO, DEBUG or TRACE";

    /// <summary>
    /// The switch, else NL_LOG, else RUST_LOG as far as it can be read, else
    /// <paramref name="otherwise"/>.
    /// </summary>
    /// <exception cref="UsageException">The switch or NL_LOG holds no level.</exception>
    public static LogLevel ChooseLevel(string? option, string? nlLog, string? rustLog, LogLevel otherwise)
    {
        if (option is not null)
            return Parse(option) ?? throw new UsageException($"--log-level {option}: use {Names}");
        if (nlLog is not null)
            return Parse(nlLog) ?? throw new UsageException($"NL_LOG={nlLog}: use {Names}");
        // RUST_LOG is NativeLink's: "info,nativelink=debug" names a level for everything and others
        // for parts, which mean nothing here.
        return rustLog?.Split(',').Select(Parse).FirstOrDefault(level => level is not null) ?? otherwise;
    }

    private static LogLevel? Parse(string text)
    {
        foreach (var (name, level) in Levels)
            if (name.Equals(text.Trim(), StringComparison.OrdinalIgnoreCase))
                return level;
        return null;
    }

    public static ILoggerFactory Create(LogLevel level) => LoggerFactory.Create(logging => logging
        .SetMinimumLevel(level)
        .AddFilter("Microsoft", level < LogLevel.Information ? level : LogLevel.Warning)
        .AddFilter("Akka.Actor.CoordinatedShutdown", level < LogLevel.Information ? level : LogLevel.Warning)
        .AddFilter("Grpc", level < LogLevel.Information ? level : LogLevel.Warning)
        .AddConsole(console =>
        {
            console.LogToStandardErrorThreshold = LogLevel.Trace;
            console.FormatterName = LineFormatter.FormatterName;
        })
        .Services.AddSingleton<ConsoleFormatter>(
            new LineFormatter(TimeProvider.System, stacks: level < LogLevel.Information)));
}
