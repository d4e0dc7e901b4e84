using System.Collections.Immutable;
using System.Globalization;
using NativeLink.Actors.Cas.Channels;
using NativeLink.Actors.Configuration;
using NativeLink.Actors.Configuration.Model;
using NativeLink.Actors.Protocol;
using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Worker;
using NativeLink.Actors.Worker.Connection;
using NativeLink.Actors.Worker.Operations;

namespace NativeLink.Actors.Cli.Composition;

/// <summary>What a file means, for a person.</summary>
/// <param name="Lines">The summary; empty when there is any error.</param>
internal sealed record ConfigSummary(
    ImmutableArray<string> Lines, ImmutableArray<ConfigError> Errors, ImmutableArray<ConfigNote> Notes)
{
    /// <summary>
    /// Reads the file and plans what it would run, as a start
    /// does, without touching anything on disk or on the network.
    /// </summary>
    /// <inheritdoc cref="ConfigLoader.Load"/>
    public static ConfigSummary Check(string text, string fileName, Func<string, string?> variables)
    {
        var loaded = ConfigLoader.Load(text, fileName, variables);
        if (loaded.Model is not { } config)
            return new ConfigSummary([], loaded.Errors, loaded.Notes);
        var workers = WorkerComposition.Compose(config, new WorkerSwitches());
        var notes = loaded.Notes.AddRange(workers.Notes);
        if (!workers.Errors.IsEmpty)
            return new ConfigSummary([], workers.Errors, notes);
        var lines = ImmutableArray.CreateBuilder<string>();
        lines.Add(config.Workers.Length switch
        {
            0 => $"{fileName}: no worker",
            1 => $"{fileName}: 1 worker{(config.IsFlatForm ? ", short form" : "")}",
            var count => $"{fileName}: {Number(count)} workers",
        });
        foreach (var host in workers.Hosts)
            lines.AddRange(Describe(host.Options));
        if (!config.Servers.IsEmpty)
            lines.AddRange(DescribeCluster(config));
        return new ConfigSummary(lines.ToImmutable(), [], notes);
    }

    private static IEnumerable<string> Describe(WorkerHostOptions host)
    {
        foreach (var worker in host.Workers)
        {
            yield return $"worker {(worker.Connection.Name.Length > 0 ? worker.Connection.Name : "(no name)")}";
            var (scheduler, timeout) = (worker.Connection.SchedulerEndpoint.Address, worker.Connection.EndpointTimeout);
            var (connection, actions) = (worker.Connection, worker.Actions);
            var slots = connection.MaxInflightTasks == 0 ? "unlimited" : Number(connection.MaxInflightTasks);
            var properties = string.Join(", ", connection.PlatformProperties.Select(Shown));
            var environment = string.Join(", ", actions.AdditionalEnvironment.Select(static entry => entry.Name));
            yield return $"  scheduler      {Shown(scheduler)}, timeout {MessageText.Seconds(timeout)}";
            yield return $"  work directory {worker.WorkDirectory} (wiped at start)";
            yield return $"  at once        {slots}";
            yield return $"  time limits    action {MessageText.Seconds(actions.MaxActionTimeout)}, " +
                $"upload {MessageText.Seconds(actions.MaxUploadTimeout)}";
            yield return $"  properties     {(connection.PlatformProperties.IsEmpty ? "none" : properties)}";
            if (!worker.Actions.AdditionalEnvironment.IsEmpty)
                yield return $"  environment    {environment}";
            if (worker.Actions.PreconditionScript is { } script)
                yield return $"  precondition   {script}";
            yield return $"  action cache   {Results(worker.Actions.Results)}";
        }

        yield return $"CAS            {(host.Cas.Grpc is { } grpc ? Shown(grpc) : "the local store itself")}";
        yield return $"local store    {host.LocalStore.ContentPath}, {Limits(host.LocalStore)}";
        var trees = host.DirectoryCache;
        yield return $"tree cache     {trees.Root}, at most {Number(trees.MaxEntries)} trees, " +
            Bytes(trees.MaxSizeBytes);
    }

    private static IEnumerable<string> DescribeCluster(NativeLinkConfig config)
    {
        var plan = ClusterComposition.Compose(config, new ClusterSwitches("DIR"));
        if (plan.Options is { } options)
        {
            yield return $"as a local cluster: clients at {options.Listen}, workers at {options.WorkerApiListen}, " +
                $"CAS in {options.Cas.ContentPath}, {Limits(options.Cas)}";
        }
        else
        {
            yield return "as a local cluster: cannot be started ('local --config FILE'):";
        }
        foreach (var error in plan.Errors)
            yield return $"  {error}";
    }

    private static string Results(UploadResultOptions results)
    {
        if (results.ActionCacheStrategy == ResultStrategy.Never || results.ActionCache is null)
            return "nothing is written";
        var which = results.ActionCacheStrategy switch
        {
            ResultStrategy.SuccessOnly => "successes",
            ResultStrategy.FailuresOnly => "failures",
            _ => "everything",
        };
        return $"{Shown(results.ActionCache)} ({which})";
    }

    private static string Shown(GrpcStoreOptions store)
    {
        var addresses = string.Join(", ", store.Endpoints.Select(static endpoint => Shown(endpoint.Address)));
        var instance = store.InstanceName.Length > 0 ? $", instance '{store.InstanceName}'" : "";
        return $"{addresses}{instance}{(store.Compression ? ", zstd" : "")}";
    }

    private static string Shown(Uri address) => address.GetLeftPart(UriPartial.Authority);

    private static string Shown(PlatformPropertySource property) => property.QueryCommand is { } command
        ? $"{property.Name} from `{command}`"
        : $"{property.Name}={string.Join('|', property.Values)}";

    private static string Limits(ContentStoreOptions store)
    {
        var limits = new List<string>();
        if (store.MaxBytes > 0)
            limits.Add($"at most {Bytes(store.MaxBytes)}");
        if (store.MaxCount > 0)
            limits.Add($"at most {Number(store.MaxCount)} blobs");
        if (store.MaxAge > TimeSpan.Zero)
            limits.Add($"unused ones go after {MessageText.Seconds(store.MaxAge)}");
        return limits.Count == 0 ? "no limit" : string.Join(", ", limits);
    }

    private static string Bytes(long bytes) => bytes switch
    {
        0 => "no limit in bytes",
        >= 1_000_000_000 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e9:0.##} GB"),
        >= 1_000_000 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e6:0.##} MB"),
        _ => $"{Number(bytes)} B",
    };

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}
