using System.Net;
using Microsoft.Extensions.Logging;

namespace NativeLink.Actors.LocalCluster.Hosting;

internal static partial class ClusterLog
{
    [LoggerMessage(1, LogLevel.Warning, "{Address} can be reached from other machines, and the local cluster has no authentication: who reaches it can run programs here")]
    public static partial void NotLoopback(ILogger log, IPEndPoint address);

    [LoggerMessage(2, LogLevel.Warning, "{Text}")]
    public static partial void StoreNoticed(ILogger log, string text);
}
