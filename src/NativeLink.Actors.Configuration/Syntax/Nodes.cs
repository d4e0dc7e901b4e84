using System.Collections.Immutable;
using NativeLink.Actors.Configuration.Model;

namespace NativeLink.Actors.Configuration.Syntax;

/// <summary>A value of the document with its place.</summary>
internal abstract record Node(ConfigPlace At)
{
    /// <summary>For sentences: "a string", "an object".</summary>
    public abstract string Described { get; }
}

internal sealed record ObjectNode(ConfigPlace At, ImmutableArray<Member> Members) : Node(At)
{
    public override string Described => "an object";
}

internal sealed record ArrayNode(ConfigPlace At, ImmutableArray<Node> Items) : Node(At)
{
    public override string Described => "a list";
}

/// <param name="Value">A string, long, BigInteger, double, bool or null.</param>
internal sealed record ScalarNode(ConfigPlace At, object? Value) : Node(At)
{
    public override string Described => Value switch
    {
        null => "null",
        string => "a string",
        bool truth => truth ? "true" : "false",
        double => "a number with a fraction",
        _ => "a number",
    };
}

/// <param name="At">Where the key stands.</param>
internal sealed record Member(string Key, ConfigPlace At, Node Value);
