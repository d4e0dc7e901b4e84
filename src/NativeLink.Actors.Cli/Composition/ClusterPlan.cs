using System.Collections.Immutable;
using System.Net;
using NativeLink.Actors.Configuration;
using NativeLink.Actors.Configuration.Model;
using NativeLink.Actors.LocalCluster;

namespace NativeLink.Actors.Cli.Composition;

/// <summary>Switches of <c>local --config</c>; they win over the file.</summary>
/// <param name="DataDirectory">Absolute path for everything that the file names no place for.</param>
/// <param name="Listen">Where clients connect; null: the file's address.</param>
/// <param name="WorkerApiListen">Where workers connect; null: the file's address.</param>
internal sealed record ClusterSwitches(
    string DataDirectory, IPEndPoint? Listen = null, IPEndPoint? WorkerApiListen = null, TimeSpan? KeepFor = null);

/// <summary>What <c>local --config</c> would run.</summary>
internal sealed record ClusterPlan
{
    /// <summary>Null when there is any error.</summary>
    public LocalClusterOptions? Options { get; init; }

    /// <summary>
    /// The store of the file that the cluster serves as its CAS; null when the file names none and
    /// the data directory is used.
    /// </summary>
    public StoreConfig? Cas { get; init; }

    /// <summary>The store of the file that the cluster serves as its action cache; null as above.</summary>
    public StoreConfig? ActionCache { get; init; }

    /// <summary>The instance name that the action cache is first served under.</summary>
    public string ActionCacheInstance { get; init; } = "";

    public ImmutableArray<ConfigError> Errors { get; init; } = [];

    public ImmutableArray<ConfigNote> Notes { get; init; } = [];
}
