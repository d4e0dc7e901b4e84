using System.Net;
using Microsoft.Extensions.Logging;

namespace NativeLink.Actors.LocalCluster.Hosting;

internal static partial class ClusterLog
{
    [LoggerMessage(1, LogLevel.Warning,
        "{Address} can be reached from other machines, and the local cluster has no authentication: " +
        "who reaches it can run programs here")]
    public static partial void NotLoopback(ILogger log, IPEndPoint address);

    [LoggerMessage(2, LogLevel.Warning, "{Text}")]
    public static partial void StoreNoticed(ILogger log, string text);

    [LoggerMessage(3, LogLevel.Error, "A call of {Method} failed: this is a mistake of the server's own")]
    public static partial void CallFailed(ILogger log, string method, Exception error);
}
