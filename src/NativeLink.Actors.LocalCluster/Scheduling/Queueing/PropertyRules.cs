using System.Collections.Immutable;
using System.Globalization;

namespace NativeLink.Actors.LocalCluster.Scheduling.Queueing;

/// <summary>
/// Gives properties their types (protos/README.md 3.9). Of several
/// values of one name the last one counts, as in NativeLink.
/// </summary>
internal sealed class PropertyRules
{
    private readonly ImmutableDictionary<string, PropertyType> _types;
    private readonly Dictionary<string, int> _quantities = new(StringComparer.Ordinal);

    public PropertyRules(ImmutableDictionary<string, PropertyType> types)
    {
        _types = types;
        foreach (var name in types.Where(t => t.Value == PropertyType.Minimum).Select(t => t.Key)
            .Order(StringComparer.Ordinal))
            _quantities.Add(name, _quantities.Count);
    }

    /// <exception cref="FormatException">A <c>minimum</c> property is not an unsigned 64-bit decimal.</exception>
    public WorkerProperties ReadWorker(IEnumerable<Reapi.Platform.Types.Property> properties)
    {
        var values = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var free = new ulong[_quantities.Count];
        foreach (var property in properties)
        {
            values[property.Name] = property.Value;
            if (TypeOf(property.Name) == PropertyType.Minimum)
                (free[_quantities[property.Name]], values[property.Name]) = (ReadQuantity(property, "worker"), "");
        }

        return new WorkerProperties(values, free);
    }

    /// <exception cref="FormatException">A <c>minimum</c> property is not an unsigned 64-bit decimal.</exception>
    public PlatformRequirements ReadAction(Reapi.Platform? platform)
    {
        if (platform is null || platform.Properties.Count == 0)
            return PlatformRequirements.None;
        var sorted = new SortedDictionary<string, RequiredProperty>(StringComparer.Ordinal);
        ulong[]? quantities = null;
        foreach (var property in platform.Properties)
        {
            var type = TypeOf(property.Name);
            sorted[property.Name] = new RequiredProperty(
                property.Name, property.Value, type, _quantities.GetValueOrDefault(property.Name, -1));
            if (type == PropertyType.Minimum)
                (quantities ??= new ulong[_quantities.Count])[_quantities[property.Name]] = ReadQuantity(
                    property, "action");
        }

        return new PlatformRequirements([.. sorted.Values], quantities);
    }

    private PropertyType? TypeOf(string name) => _types.TryGetValue(name, out var type) ? type : null;

    private static ulong ReadQuantity(Reapi.Platform.Types.Property property, string whose) =>
        ulong.TryParse(property.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var quantity)
            ? quantity
            : throw new FormatException(
                $"the {whose}'s property '{property.Name}' is '{property.Value}': " +
                "the scheduler counts it as a minimum, so an unsigned number is needed");
}

/// <summary>One property that an action asks for; no type means that the scheduler does not list the name.</summary>
/// <param name="QuantityIndex">Of a <c>minimum</c> property: its place among the quantities; else -1.</param>
internal readonly record struct RequiredProperty(string Name, string Value, PropertyType? Type, int QuantityIndex);

/// <summary>All that an action asks for, sorted by name.</summary>
/// <param name="properties">Sorted by name.</param>
/// <param name="quantities">How much of each <c>minimum</c> property, in the order of the rules;
/// null when it asks for none.</param>
internal sealed class PlatformRequirements(ImmutableArray<RequiredProperty> properties, ulong[]? quantities)
{
    public static readonly PlatformRequirements None = new([], null);

    public ImmutableArray<RequiredProperty> Properties => properties;

    public ulong[]? Quantities => quantities;

    /// <summary>The quantities as a queue keeps them (<see cref="LeastNeeds"/>).</summary>
    public ulong[][]? Needs { get; } = quantities is null ? null : [quantities];

    /// <summary>As <c>StartExecute.platform</c> carries it.</summary>
    public Reapi.Platform ToPlatform()
    {
        var platform = new Reapi.Platform();
        foreach (var property in properties)
            platform.Properties.Add(new Reapi.Platform.Types.Property { Name = property.Name, Value = property.Value });
        return platform;
    }

    public override string ToString() => properties.IsEmpty
        ? "no properties"
        : string.Join(", ", properties.Select(w => $"{w.Name}={w.Value}"));
}

/// <summary>What a worker declared, and how much of its <c>minimum</c> quantities is free.</summary>
internal sealed class WorkerProperties(SortedDictionary<string, string> values, ulong[] free)
{
    /// <summary>Equal for two workers that every action matches alike, when both are idle and large enough.</summary>
    public string PlatformKey { get; } = string.Concat(
        values.Select(v => $"{v.Key.Length}:{v.Key}={v.Value.Length}:{v.Value}"));

    /// <summary>What is left of each <c>minimum</c> property, in the order of the rules.</summary>
    public ReadOnlySpan<ulong> Free => free;

    public bool Satisfies(PlatformRequirements requirements) => Matches(requirements) && HasFree(requirements);

    /// <summary>Could ever take it; says nothing of quantities.</summary>
    public bool Matches(PlatformRequirements requirements)
    {
        foreach (var required in requirements.Properties)
        {
            if (!Matches(required))
                return false;
        }

        return true;
    }

    /// <summary>The quantities suffice now.</summary>
    public bool HasFree(PlatformRequirements requirements)
    {
        if (requirements.Quantities is not { } needed)
            return true;
        for (var i = 0; i < needed.Length; i++)
        {
            if (free[i] < needed[i])
                return false;
        }

        return true;
    }

    /// <summary>
    /// The first property of the action that this worker cannot serve at all; else the first of
    /// which it has too little free.
    /// </summary>
    public RequiredProperty? FirstUnsatisfied(PlatformRequirements requirements)
    {
        foreach (var required in requirements.Properties)
        {
            if (!Matches(required))
                return required;
        }

        return HasFree(requirements)
            ? null
            : requirements.Properties.First(w => w.QuantityIndex >= 0
                && free[w.QuantityIndex] < requirements.Quantities![w.QuantityIndex]);
    }

    public void Reserve(PlatformRequirements requirements)
    {
        for (var i = 0; i < (requirements.Quantities?.Length ?? 0); i++)
            free[i] -= requirements.Quantities![i];
    }

    public void Release(PlatformRequirements requirements)
    {
        for (var i = 0; i < (requirements.Quantities?.Length ?? 0); i++)
            free[i] += requirements.Quantities![i];
    }

    private bool Matches(RequiredProperty required) => required.Type switch
    {
        PropertyType.Minimum or PropertyType.Priority => values.ContainsKey(required.Name),
        PropertyType.Exact => values.TryGetValue(required.Name, out var own) && own == required.Value,
        PropertyType.Ignore => true,
        _ => !values.TryGetValue(required.Name, out var own) || own == required.Value,
    };
}
