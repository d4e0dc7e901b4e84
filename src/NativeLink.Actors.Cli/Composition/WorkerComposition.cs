using System.Collections.Immutable;
using System.Globalization;
using NativeLink.Actors.Configuration.Model;
using NativeLink.Actors.LocalCluster;
using NativeLink.Actors.Worker;
using NativeLink.Actors.Worker.Connection;
using NativeLink.Actors.Worker.Operations;

namespace NativeLink.Actors.Cli.Composition;

/// <summary>From the file's workers to the options of the hosts that run them.</summary>
internal static class WorkerComposition
{
    /// <summary>Plans the workers.</summary>
    /// <param name="cluster">The local cluster that will run in the same process and that the
    /// workers then belong to; null: they connect to where the file says.</param>
    public static WorkerPlan Compose(NativeLinkConfig config, WorkerSwitches switches, ClusterPlan? cluster = null)
    {
        var findings = new Findings();
        var results = new ResultComposition(config, cluster, findings);
        var hosts = ImmutableArray.CreateBuilder<PlannedHost>();
        var drafts = WorkerNaming.Draft(config, switches);
        foreach (var group in drafts.GroupBy(draft => Source(config, draft.Config), ReferenceEqualityComparer.Instance))
        {
            var members = group.ToList();
            var stores = new StoreComposition(config, cluster, findings).Compose(members[0].Config);
            if (stores is null)
                continue;
            var workers = members.Select(draft => Worker(draft, results.Compose(draft.Config, stores))).ToList();
            hosts.Add(new PlannedHost(switches.Apply(new WorkerHostOptions
            {
                Cas = stores.Cas,
                LocalStore = stores.Local,
                FillStoreOnWrite = stores.FillOnWrite,
                DirectoryCache = DirectoryCache(members, stores, config.IsFlatForm, hosts, findings),
                Workers = [.. workers.Select(worker => worker.Options)],
            }))
            {
                UsesClusterScheduler = cluster is not null,
                UsesClusterCas = stores.UsesClusterCas,
                UsesClusterActionCache = [.. workers.Select(worker => worker.ClusterCache)],
                ActionCacheInstance = cluster?.ActionCacheInstance ?? "",
            });
        }

        CheckProperties(config, cluster, findings);
        CheckCommands(config, findings);
        NoteWhatIsLeftOut(config, cluster, findings);
        return new WorkerPlan
        {
            Hosts = findings.Failed ? [] : hosts.ToImmutable(),
            Errors = findings.Errors,
            Notes = findings.Notes,
        };
    }

    /// <summary>The store itself, so that workers which name it by different references meet in one host.</summary>
    private static StoreConfig? Source(NativeLinkConfig config, WorkerConfig worker) =>
        config.Resolve(config.FindStore(worker.CasStore)?.Store);

    private static (WorkerOptions Options, bool ClusterCache) Worker(
        WorkerDraft draft, (UploadResultOptions Options, bool ClusterCache) results)
    {
        var worker = draft.Config;
        return (new WorkerOptions
        {
            Connection = new ConnectionOptions
            {
                Name = draft.Name,
                SchedulerEndpoint = Endpoints.Scheduler(worker.Endpoint),
                EndpointTimeout = Endpoints.Bounded(worker.EndpointTimeout),
                MaxInflightTasks = worker.MaxInflightTasks,
                PlatformProperties = [.. worker.PlatformProperties.Select(
                    property => new PlatformPropertySource(property.Name, property.Values, property.QueryCommand))],
            },
            Actions = new ExecutorOptions
            {
                MaxActionTimeout = Endpoints.Bounded(worker.MaxActionTimeout),
                MaxUploadTimeout = Endpoints.Bounded(worker.MaxUploadTimeout),
                TimeoutHandledExternally = worker.TimeoutHandledExternally,
                Entrypoint = worker.Entrypoint,
                PreconditionScript = worker.PreconditionScript,
                AdditionalEnvironment = [.. worker.AdditionalEnvironment.Select(
                    entry => new EnvironmentEntry(entry.Name, Source(entry.Kind), entry.Argument))],
                Results = results.Options,
            },
            WorkDirectory = draft.WorkDirectory,
            WorkDirectoryIsPart = draft.OwnPart is not null,
            MaxCleanupWait = Endpoints.Bounded(worker.MaxCleanupWait),
        }, results.ClusterCache);
    }

    private static EnvironmentSource Source(EnvironmentKind kind) => kind switch
    {
        EnvironmentKind.Value => EnvironmentSource.Value,
        EnvironmentKind.Property => EnvironmentSource.Property,
        EnvironmentKind.FromEnvironment => EnvironmentSource.FromEnvironment,
        EnvironmentKind.TimeoutMillis => EnvironmentSource.TimeoutMillis,
        EnvironmentKind.SideChannelFile => EnvironmentSource.SideChannelFile,
        _ => EnvironmentSource.ActionDirectory,
    };

    /// <summary>
    /// One cache a host: that of its first worker, with a root that no other host of this process
    /// has. Other processes have slots of their own in it.
    /// </summary>
    /// <param name="isShortForm">The short form: what is kept is kept together.</param>
    private static DirectoryCacheOptions DirectoryCache(
        List<WorkerDraft> members, ComposedStores stores, bool isShortForm, IEnumerable<PlannedHost> before,
        Findings findings)
    {
        var first = members[0];
        var cache = first.Config.DirectoryCache ?? new DirectoryCacheConfig();
        foreach (var other in members.Select(member => member.Config.DirectoryCache).OfType<DirectoryCacheConfig>()
            .Where(other => other with { At = cache.At } != cache))
            findings.Note(other.At,
                "workers that share a store share one directory cache: the first worker's settings are taken");
        var root = cache.CacheRoot ?? (isShortForm
            ? Path.Combine(Path.GetDirectoryName(stores.Local.ContentPath)!, "trees")
            : Path.Combine(Path.GetDirectoryName(first.Config.WorkDirectory)!, "directory_cache"));
        var taken = before.Select(host => host.Options.DirectoryCache.Root).ToHashSet();
        var free = root;
        for (var number = 2; taken.Contains(free); number++)
            free = $"{root}-{number}";
        return new DirectoryCacheOptions(free) { MaxEntries = cache.MaxEntries, MaxSizeBytes = cache.MaxSizeBytes };
    }

    /// <summary>The scheduler of this process would refuse such a worker each time that it connects.</summary>
    private static void CheckProperties(NativeLinkConfig config, ClusterPlan? cluster, Findings findings)
    {
        var counted = cluster?.Options?.Scheduler.SupportedProperties.Where(pair => pair.Value == PropertyType.Minimum)
            .Select(pair => pair.Key).ToHashSet() ?? [];
        foreach (var worker in config.Workers)
        {
            foreach (var property in worker.PlatformProperties.Where(property => counted.Contains(property.Name)))
            {
                foreach (var value in property.Values.Where(
                    value => !ulong.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out _)))
                    findings.Error(
                        worker.At,
                        $"the property '{property.Name}' is '{value}', and the scheduler counts it as a minimum: " +
                        "write an unsigned whole number");
            }
        }
    }

    private static void CheckCommands(NativeLinkConfig config, Findings findings)
    {
        foreach (var worker in config.Workers)
        {
            foreach (var property in worker.PlatformProperties.Where(
                static property => property.QueryCommand is not null))
                CheckCommand(worker.At, $"query_cmd of property '{property.Name}'", property.QueryCommand!,
                    "the worker cannot register without it", findings);
            if (worker.PreconditionScript is { } script)
                CheckCommand(worker.At, "the precondition script", script, "no action can start without it", findings);
        }
    }

    /// <summary>
    /// What is known without running it. A program may
    /// come later, or be on the worker's machine alone.
    /// </summary>
    private static void CheckCommand(ConfigPlace at, string what, string command, string otherwise, Findings findings)
    {
        try
        {
            var program = ShellWords.Split(command)[0];
            if (program.StartsWith('/') && !File.Exists(program))
                findings.Note(at, $"{what}: there is no program '{program}' on this machine, and {otherwise}");
        }
        catch (FormatException error)
        {
            findings.Error(at, $"{what}: {error.Message}");
        }
    }

    private static void NoteWhatIsLeftOut(NativeLinkConfig config, ClusterPlan? cluster, Findings findings)
    {
        foreach (var worker in config.Workers.Where(worker => worker.UseNamespaces))
            findings.Note(
                worker.At,
                "'use_namespaces' is known but not supported yet: actions run without namespaces of their own, " +
                "each in its own session and process group that is ended whole");
        if (cluster is null && !config.Workers.IsEmpty && !config.Servers.IsEmpty)
            findings.Note(
                config.Servers[0].At,
                "the servers of this file are not run with its workers: " +
                "'nativelink-actors local --config FILE' runs both");
    }
}
