using NativeLink.Actors.Configuration.Model;
using NativeLink.Actors.Configuration.Reading;
using NativeLink.Actors.Configuration.Values;

namespace NativeLink.Actors.Configuration.Validation;

/// <summary>
/// Names of stores: each once, each reference to one
/// that exists, no reference that leads back to itself.
/// </summary>
internal static class StoreChecks
{
    public static void Check(ReadContext context, NativeLinkConfig config)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var store in config.Stores)
        {
            if (!names.Add(store.Name))
                context.Error(
                    store.At, $"a store named '{store.Name}' stands above already: names of stores are used once");
            foreach (var reference in References(store.Store))
            {
                if (config.FindStore(reference.Name) is not null)
                    continue;
                var near = Nearest.Suggest(reference.Name, config.Stores.Select(static other => other.Name));
                context.Error(reference.At, $"there is no store named '{reference.Name}'{near}");
            }

            if (LeadsBack(config, store))
                context.Error(
                    store.At,
                    $"the store '{store.Name}' refers back to itself through 'ref_store': " +
                    "it has to end at a real store");
        }

        var schedulers = new HashSet<string>(StringComparer.Ordinal);
        foreach (var scheduler in config.Schedulers.Where(scheduler => !schedulers.Add(scheduler.Name)))
            context.Error(scheduler.At,
                $"a scheduler named '{scheduler.Name}' stands above already: names of schedulers are used once");
    }

    private static IEnumerable<RefStore> References(StoreConfig store) =>
        store is RefStore reference ? [reference] : store.Inner.SelectMany(References);

    private static bool LeadsBack(NativeLinkConfig config, NamedStore start)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var open = new Stack<StoreConfig>([start.Store]);
        while (open.TryPop(out var store))
        {
            foreach (var reference in References(store))
            {
                if (reference.Name == start.Name)
                    return true;
                if (seen.Add(reference.Name) && config.FindStore(reference.Name) is { } next)
                    open.Push(next.Store);
            }
        }

        return false;
    }
}
