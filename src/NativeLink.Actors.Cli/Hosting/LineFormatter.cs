using System.Globalization;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;

namespace NativeLink.Actors.Cli.Hosting;

/// <summary>
/// One line an event, made to be read and searched: UTC time, level in five letters, who says it,
/// what. The stack of an exception follows at DEBUG only: whoever runs a worker needs the sentence,
/// whoever debugs it needs the stack.
/// </summary>
internal sealed class LineFormatter(TimeProvider time, bool stacks) : ConsoleFormatter(FormatterName)
{
    public const string FormatterName = "line";

    public override void Write<TState>(
        in LogEntry<TState> logEntry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
    {
        var message = logEntry.Formatter(logEntry.State, logEntry.Exception);
        textWriter.Write(time.GetUtcNow().ToString("yyyy-MM-ddTHH:mm:ss.fffZ ", CultureInfo.InvariantCulture));
        textWriter.Write(Level(logEntry.LogLevel));
        textWriter.Write(logEntry.Category.AsSpan(logEntry.Category.LastIndexOf('.') + 1));
        textWriter.Write(": ");
        textWriter.Write(OneLine(message));
        if (logEntry.Exception is { } error)
        {
            textWriter.Write(OneLine($" ({error.GetType().Name}: {error.Message})"));
            if (stacks)
            {
                textWriter.WriteLine();
                textWriter.Write(error);
            }
        }
        textWriter.WriteLine();
    }

    private static string OneLine(string text) => text.Contains('\n') ? text.ReplaceLineEndings(" | ") : text;

    private static string Level(LogLevel level) => level switch
    {
        LogLevel.Trace => "TRACE ",
        LogLevel.Debug => "DEBUG ",
        LogLevel.Information => "INFO  ",
        LogLevel.Warning => "WARN  ",
        _ => "ERROR ",
    };
}
