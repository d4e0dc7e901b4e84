using Akka.Actor;
using Akka.Actor.Setup;
using Akka.Dispatch;
using Akka.Event;
using Microsoft.Extensions.Logging;
using MsLevel = Microsoft.Extensions.Logging.LogLevel;

namespace NativeLink.Actors.Worker.Telemetry;

/// <summary>Where an actor system's log goes.</summary>
internal sealed class AkkaLogSetup(ILoggerFactory logs) : Setup
{
    public ILoggerFactory Logs { get; } = logs;
}

/// <summary>
/// Akka's logger, named in <c>hocon/worker.conf</c>: hands every line to the
/// <see cref="ILoggerFactory"/> of <see cref="AkkaLogSetup"/>, one category an actor class, so that
/// one log with one format has everything, and levels can be set by room. (Akka.Hosting's own
/// logger puts every line under one category, and a head of its own into its text.)
/// </summary>
internal sealed class AkkaLogForwarder : UntypedActor, IRequiresMessageQueue<ILoggerMessageQueueSemantics>
{
    private readonly Dictionary<string, ILogger> _loggers = [];
    private readonly ILoggerFactory? _logs = Context.System.Settings.Setup.Get<AkkaLogSetup>()
        .Select(setup => setup.Logs).GetOrElse(null!);

    public static Props CreateProps() => Props.Create<AkkaLogForwarder>();

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case InitializeLogger:
                Sender.Tell(new LoggerInitialized());
                break;
            case LogEvent line:
                Write(line);
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    private void Write(LogEvent line)
    {
        if (_logs is null)
            return;
        var category = line.LogClass.FullName ?? line.LogClass.Name;
        if (!_loggers.TryGetValue(category, out var logger))
            _loggers[category] = logger = _logs.CreateLogger(category);
        var level = line.LogLevel() switch
        {
            Akka.Event.LogLevel.DebugLevel => MsLevel.Debug,
            Akka.Event.LogLevel.InfoLevel => MsLevel.Information,
            Akka.Event.LogLevel.WarningLevel => MsLevel.Warning,
            _ => MsLevel.Error,
        };
        if (!logger.IsEnabled(level))
            return;
        // The operation, the attempt and the action that a line is
        // about, and the values in it, for logs that machines read.
        using var about = line.TryGetProperties(out var properties) ? logger.BeginScope(properties!) : null;
        logger.Log(level, default, line, line.Cause, static (state, _) => state.Message.ToString() ?? "");
    }
}
