using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace NativeLink.Actors.LocalCluster.Scheduling;

/// <summary>Gives properties their types (wire contract 3.9). Of several values of one name the last one counts, as in NativeLink.</summary>
internal sealed class PropertyRules(ImmutableDictionary<string, PropertyType> types)
{
    /// <exception cref="FormatException">A <c>minimum</c> property is not an unsigned 64-bit decimal.</exception>
    public WorkerProperties ReadWorker(IEnumerable<Reapi.Platform.Types.Property> properties)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        var free = new Dictionary<string, ulong>(StringComparer.Ordinal);
        foreach (var property in properties)
        {
            values[property.Name] = property.Value;
            if (TypeOf(property.Name) == PropertyType.Minimum)
                free[property.Name] = ReadQuantity(property, "worker");
        }

        return new WorkerProperties(values, free);
    }

    /// <exception cref="FormatException">A <c>minimum</c> property is not an unsigned 64-bit decimal.</exception>
    public PropertyDemand ReadAction(Reapi.Platform? platform)
    {
        if (platform is null || platform.Properties.Count == 0)
            return PropertyDemand.None;
        var sorted = new SortedDictionary<string, PropertyWish>(StringComparer.Ordinal);
        foreach (var property in platform.Properties)
        {
            var type = TypeOf(property.Name);
            var quantity = type == PropertyType.Minimum ? ReadQuantity(property, "action") : 0;
            sorted[property.Name] = new PropertyWish(property.Name, property.Value, type, quantity);
        }

        return new PropertyDemand([.. sorted.Values]);
    }

    private PropertyType? TypeOf(string name) => types.TryGetValue(name, out var type) ? type : null;

    private static ulong ReadQuantity(Reapi.Platform.Types.Property property, string whose) =>
        ulong.TryParse(property.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var quantity)
            ? quantity
            : throw new FormatException(
                $"the {whose}'s property '{property.Name}' is '{property.Value}': the scheduler counts it as a minimum, so an unsigned number is needed");
}

/// <summary>One property that an action asks for; no type means that the scheduler does not list the name.</summary>
internal sealed record PropertyWish(string Name, string Value, PropertyType? Type, ulong Quantity);

/// <summary>All that an action asks for, sorted by name.</summary>
internal sealed class PropertyDemand
{
    public static readonly PropertyDemand None = new([]);

    public PropertyDemand(ImmutableArray<PropertyWish> wishes)
    {
        var shape = new StringBuilder();
        Wishes = wishes;
        foreach (var wish in wishes)
        {
            Platform.Properties.Add(new Reapi.Platform.Types.Property { Name = wish.Name, Value = wish.Value });
            shape.Append(wish.Name.Length).Append(':').Append(wish.Name).Append('=').Append(wish.Value.Length).Append(':').Append(wish.Value);
        }

        Shape = shape.ToString();
    }

    public ImmutableArray<PropertyWish> Wishes { get; }

    /// <summary>As <c>StartExecute.platform</c> carries it.</summary>
    public Reapi.Platform Platform { get; } = new();

    /// <summary>Equal for two demands that every worker satisfies alike.</summary>
    public string Shape { get; }

    public override string ToString() => Wishes.IsEmpty ? "no properties" : string.Join(", ", Wishes.Select(w => $"{w.Name}={w.Value}"));
}

/// <summary>What a worker declared, and how much of its <c>minimum</c> quantities is free.</summary>
internal sealed class WorkerProperties(IReadOnlyDictionary<string, string> values, Dictionary<string, ulong> free)
{
    public bool Satisfies(PropertyDemand demand) => FirstUnsatisfied(demand) is null;

    /// <summary>The first property of the action that this worker cannot serve now.</summary>
    public PropertyWish? FirstUnsatisfied(PropertyDemand demand)
    {
        foreach (var wish in demand.Wishes)
        {
            if (!Satisfies(wish))
                return wish;
        }

        return null;
    }

    public void Reserve(PropertyDemand demand)
    {
        foreach (var wish in demand.Wishes)
        {
            if (wish.Type == PropertyType.Minimum)
                free[wish.Name] -= wish.Quantity;
        }
    }

    public void Release(PropertyDemand demand)
    {
        foreach (var wish in demand.Wishes)
        {
            if (wish.Type == PropertyType.Minimum)
                free[wish.Name] += wish.Quantity;
        }
    }

    private bool Satisfies(PropertyWish wish) => wish.Type switch
    {
        PropertyType.Minimum => free.TryGetValue(wish.Name, out var left) && left >= wish.Quantity,
        PropertyType.Exact => values.TryGetValue(wish.Name, out var own) && own == wish.Value,
        PropertyType.Priority => values.ContainsKey(wish.Name),
        PropertyType.Ignore => true,
        _ => !values.TryGetValue(wish.Name, out var own) || own == wish.Value,
    };
}
