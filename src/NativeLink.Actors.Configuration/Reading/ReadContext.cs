using NativeLink.Actors.Configuration.Model;
using NativeLink.Actors.Configuration.Syntax;
using NativeLink.Actors.Configuration.Values;

namespace NativeLink.Actors.Configuration.Reading;

/// <summary>What all readers of one file share: the variables, and where mistakes and notes are collected.</summary>
internal sealed class ReadContext(Func<string, string?> variables)
{
    public List<ConfigError> Errors { get; } = [];

    public List<ConfigNote> Notes { get; } = [];

    public Func<string, string?> Variables { get; } = variables;

    public void Error(ConfigPlace at, string message) => Errors.Add(at.Error(message));

    public void Note(ConfigPlace at, string message) => Notes.Add(at.Note(message));

    /// <summary>The string with its variables replaced; null after an error.</summary>
    public string? Expand(ConfigPlace at, string text)
    {
        var (expanded, error) = VariableText.Expand(text, Variables);
        if (error is not null)
            Error(at, error);
        return expanded;
    }

    /// <summary>The node as a string; null after an error.</summary>
    public string? Text(Node node, bool expand = true)
    {
        if (node is ScalarNode { Value: string text })
            return expand ? Expand(node.At, text) : text;
        Error(node.At, $"has to be a string in quotes, not {node.Described}");
        return null;
    }

    /// <summary>The node as an object; null after an error.</summary>
    public ObjectNode? Object(Node node)
    {
        if (node is ObjectNode found)
            return found;
        Error(node.At, $"has to be an object in braces, not {node.Described}");
        return null;
    }

    /// <summary>The node's items; none after an error.</summary>
    public IEnumerable<Node> Items(Node node)
    {
        if (node is ArrayNode list)
            return list.Items;
        Error(node.At, $"has to be a list in square brackets, not {node.Described}");
        return [];
    }

    /// <summary>The members of a map whose keys are free, each key once.</summary>
    public IEnumerable<Member> Entries(Node node)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var member in Object(node)?.Members ?? [])
        {
            if (seen.Add(member.Key))
                yield return member;
            else
                Error(member.At, $"'{member.Key}' stands here a second time: remove one of the two");
        }
    }
}
