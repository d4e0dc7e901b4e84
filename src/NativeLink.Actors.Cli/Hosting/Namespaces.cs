using Microsoft.Extensions.Logging;
using NativeLink.Actors.Worker.Processes;

namespace NativeLink.Actors.Cli.Hosting;

/// <summary>
/// The namespaces of this process. What runs actions enters them first, before it reads or starts
/// anything: the process may be executed anew.
/// </summary>
internal static partial class Namespaces
{
    /// <returns>What to log, once there is a log; null when there is nothing to say.</returns>
    public static string? Enter() =>
        OwnNamespaces.Enter(OwnEnvironment.Variable(OwnNamespaces.Variable), OwnEnvironment.Variable("PATH"));

    /// <summary>Logs what <see cref="Enter"/> answered.</summary>
    public static void Log(ILogger log, string? entered)
    {
        if (entered is not null)
            LogNamespaces(log, entered);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Running {Namespaces}")]
    private static partial void LogNamespaces(ILogger log, string namespaces);
}
