using System.Collections.Immutable;
using NativeLink.Actors.Configuration.Model;
using NativeLink.Actors.LocalCluster;

namespace NativeLink.Actors.Cli.Composition;

/// <summary>
/// From the file's schedulers to the settings of the one
/// that the local cluster has (protos/README.md 5.6).
/// </summary>
internal static class SchedulerComposition
{
    public static SchedulerOptions Compose(
        NativeLinkConfig config, WorkerApiServiceConfig? workerApi, Findings findings)
    {
        var options = WithKills(new SchedulerOptions(), workerApi);
        if (Chosen(config, workerApi, findings) is not { } chosen)
            return options;
        return Innermost(chosen.Scheduler, findings) is { } simple ? Settings(simple, options, findings) : options;
    }

    /// <summary>
    /// The scheduler that executes: the one that <c>execution</c>, else <c>worker_api</c>, names;
    /// without both the only one of the file.
    /// </summary>
    private static NamedScheduler? Chosen(NativeLinkConfig config, WorkerApiServiceConfig? workerApi, Findings findings)
    {
        var named = config.Servers.SelectMany(server => server.Services.Execution)
            .Select(execution => (execution.At, execution.Scheduler)).ToList();
        if (workerApi is not null)
            named.Add((workerApi.At, workerApi.Scheduler));
        foreach (var (at, name) in named.Where(pair => config.FindScheduler(pair.Scheduler) is null))
            findings.Error(at, $"there is no scheduler named '{name}': add it to 'schedulers'");
        if (named.Count == 0)
            return config.Schedulers.Length == 1 ? config.Schedulers[0] : null;
        var first = config.FindScheduler(named[0].Scheduler);
        foreach (var (at, name) in named.Where(pair => pair.Scheduler != named[0].Scheduler
            && !Wraps(config.FindScheduler(pair.Scheduler), first)))
            findings.Note(
                at,
                $"the local cluster has one scheduler, with the settings of '{named[0].Scheduler}': " +
                $"those of '{name}' are ignored");
        return first;
    }

    /// <summary>
    /// Files often let clients in through a wrapper of the scheduler
    /// that the workers connect to; both then say the same.
    /// </summary>
    private static bool Wraps(NamedScheduler? one, NamedScheduler? other) =>
        one is not null && other is not null && Unwrap(one.Scheduler) == Unwrap(other.Scheduler);

    private static SchedulerConfig Unwrap(SchedulerConfig scheduler)
    {
        while (scheduler is WrapperScheduler wrapper)
            scheduler = wrapper.Inner;
        return scheduler;
    }

    private static SimpleScheduler? Innermost(SchedulerConfig scheduler, Findings findings)
    {
        while (scheduler is WrapperScheduler wrapper)
        {
            if (wrapper.Modifies)
                findings.Error(
                    wrapper.At,
                    "'property_modifier' is known but not supported by the local cluster: " +
                    "properties would reach the workers as clients send them; remove its modifications, " +
                    "or use NativeLink itself");
            else if (wrapper.Type == "cache_lookup")
                findings.Note(
                    wrapper.At, "'cache_lookup': the local cluster looks into its own action cache before it executes");
            else
                findings.Note(
                    wrapper.At,
                    $"'{wrapper.Type}' is known but not supported by the local cluster: " +
                    "properties reach the scheduler as clients send them");
            scheduler = wrapper.Inner;
        }

        if (scheduler is SimpleScheduler simple)
            return simple;
        findings.Error(
            scheduler.At,
            $"a '{scheduler.Type}' scheduler hands actions to another server, " +
            "and the local cluster executes by itself: write a 'simple' scheduler, or let clients use that server");
        return null;
    }

    private static SchedulerOptions Settings(SimpleScheduler simple, SchedulerOptions options, Findings findings)
    {
        if (simple.RedisStore is not null)
            findings.Note(
                simple.At,
                "'experimental_backend: redis' is known but not supported by the local cluster: " +
                "operations are kept in memory");
        return options with
        {
            SupportedProperties = simple.SupportedProperties.ToImmutableDictionary(
                pair => pair.Key, pair => Property(pair.Value)),
            WorkerTimeout = Endpoints.Bounded(simple.WorkerTimeout),
            ClientActionTimeout = simple.ClientActionTimeout is { } timeout
                ? Endpoints.Bounded(timeout)
                : options.ClientActionTimeout,
            RetainCompletedFor = Endpoints.Bounded(simple.RetainCompletedFor),
            UnacknowledgedKillTimeout = Endpoints.Bounded(simple.UnacknowledgedKillTimeout),
            MaxActionExecutingTimeout = Endpoints.Bounded(simple.MaxActionExecutingTimeout),
            MaxJobRetries = simple.MaxJobRetries,
            MostRecentlyUsedFirst = simple.MostRecentlyUsedFirst,
        };
    }

    private static SchedulerOptions WithKills(SchedulerOptions options, WorkerApiServiceConfig? workerApi) =>
        workerApi is null
        ? options
        : options with
        {
            KillRevokedInterval = workerApi.KillRevoked
            ? Endpoints.Bounded(workerApi.KillRevokedInterval)
            : TimeSpan.Zero
        };

    private static PropertyType Property(PropertyMatch match) => match switch
    {
        PropertyMatch.Minimum => PropertyType.Minimum,
        PropertyMatch.Exact => PropertyType.Exact,
        PropertyMatch.Priority => PropertyType.Priority,
        _ => PropertyType.Ignore,
    };
}
