using NativeLink.Actors.Configuration.Model;
using NativeLink.Actors.Configuration.Reading;

namespace NativeLink.Actors.Configuration.Validation;

/// <summary>
/// Services against the rest of the file. A service that names an unknown store or scheduler is
/// only noted: NativeLink finds it when it starts the service, and a worker does not need it.
/// </summary>
internal static class ServerChecks
{
    public static void Check(ReadContext context, NativeLinkConfig config)
    {
        foreach (var server in config.Servers)
        {
            var services = server.Services;
            foreach (var cache in services.ActionCache)
            {
                if (services.Cas.Any(cas => cas.InstanceName == cache.InstanceName && cas.Store == cache.Store))
                    context.Error(
                        cache.At,
                        $"'ac' and 'cas' of the instance '{cache.InstanceName}' use the same store '{cache.Store}': " +
                        "an action cache needs a store of its own");
            }

            foreach (var service in services.Cas.Concat(services.ActionCache).Concat(services.ByteStream))
                NoteStore(context, config, service, service.Store);
            foreach (var service in services.Execution)
            {
                NoteStore(context, config, service, service.CasStore);
                NoteScheduler(context, config, service, service.Scheduler);
            }

            foreach (var service in services.Capabilities.Where(service => service.Scheduler is not null))
                NoteScheduler(context, config, service, service.Scheduler!);
            if (services.WorkerApi is { } workerApi)
                NoteScheduler(context, config, services, workerApi.Scheduler);
        }
    }

    private static void NoteStore(ReadContext context, NativeLinkConfig config, ConfigItem service, string name)
    {
        if (name.Length > 0 && config.FindStore(name) is null)
            context.Note(service.At, $"there is no store named '{name}': this service cannot be started");
    }

    private static void NoteScheduler(ReadContext context, NativeLinkConfig config, ConfigItem service, string name)
    {
        if (name.Length > 0 && config.FindScheduler(name) is null)
            context.Note(service.At, $"there is no scheduler named '{name}': this service cannot be started");
    }
}
