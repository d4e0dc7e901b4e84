using System.Collections.Immutable;
using System.Net;
using NativeLink.Actors.Configuration.Model;

namespace NativeLink.Actors.Cli.Composition;

/// <summary>
/// What a file forbids: writing results, executing, reaching a service from elsewhere. It holds in
/// the local cluster too, or the file is refused there: whoever wrote it counts on it.
/// </summary>
internal static class ClusterProtections
{
    /// <summary>Instances under which clients may not write the action cache.</summary>
    public static ImmutableArray<string> ReadOnlyActionCaches(NativeLinkConfig config, Findings findings)
    {
        var caches = config.Servers.SelectMany(server => server.Services.ActionCache).ToList();
        var writable = caches.Where(cache => !cache.ReadOnly).Select(cache => cache.InstanceName).ToHashSet();
        foreach (var cache in caches.Where(cache => cache.ReadOnly && writable.Contains(cache.InstanceName)))
            findings.Error(
                cache.At,
                $"'read_only' holds for the instance '{cache.InstanceName}' on this listener alone, " +
                "and the local cluster serves clients on one address: give the instances different names, " +
                "or write read_only on both");
        return [.. caches.Where(cache => cache.ReadOnly).Select(cache => cache.InstanceName).Distinct()];
    }

    /// <summary>Instances that execute; null when there is no file to say so, and then all do.</summary>
    public static ImmutableArray<string>? Executing(NativeLinkConfig config) => config.Servers.IsEmpty
        ? null
        : [.. config.Servers.SelectMany(server => server.Services.Execution).Select(execution => execution.InstanceName)
            .Distinct()];

    /// <summary>Refuses what would let more clients in than the file does.</summary>
    /// <param name="listen">Where everything for clients will be.</param>
    public static void Check(NativeLinkConfig config, IPEndPoint listen, Findings findings)
    {
        foreach (var server in config.Servers)
        {
            var services = server.Services;
            var servesClients = !(services.Cas.IsEmpty && services.ByteStream.IsEmpty && services.ActionCache.IsEmpty
                && services.Execution.IsEmpty);
            if (servesClients && IPAddress.IsLoopback(server.Address.Address) && !IPAddress.IsLoopback(listen.Address))
                findings.Error(
                    server.At,
                    $"this listener is for this machine alone, and the local cluster would serve what it serves at " +
                    $"{listen} too: listen on loopback there, or write this listener's services there");
            if (server.RequiresIdentity)
                findings.Error(
                    server.At,
                    "'experimental_identity_header' with required: true is known but not supported by the local " +
                    "cluster, which would let everybody in: remove it, or use NativeLink itself");
        }
    }
}
