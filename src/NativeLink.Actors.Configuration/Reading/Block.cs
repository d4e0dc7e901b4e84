using NativeLink.Actors.Configuration.Model;
using NativeLink.Actors.Configuration.Syntax;
using NativeLink.Actors.Configuration.Values;

namespace NativeLink.Actors.Configuration.Reading;

/// <summary>
/// An object whose keys are known. Every key that is asked for counts as known; <see cref="Close"/>
/// reports the others. A key may be given with its other names behind it,
/// <c>max_action_timeout_s|max_action_timeout</c>: only one of them may be written. <c>null</c>
/// counts as not written.
/// </summary>
internal sealed partial class Block
{
    private readonly ReadContext _context;
    private readonly Dictionary<string, Member> _members = new(StringComparer.Ordinal);
    private readonly HashSet<string> _known = new(StringComparer.Ordinal);

    private Block(ReadContext context, ObjectNode node)
    {
        (_context, At) = (context, node.At);
        foreach (var member in node.Members)
        {
            if (!_members.TryAdd(member.Key, member))
                context.Error(member.At, $"'{member.Key}' stands here a second time: remove one of the two");
        }
    }

    public ConfigPlace At { get; }

    /// <summary>The node as a block; null after an error.</summary>
    public static Block? Open(ReadContext context, Node node) =>
        context.Object(node) is { } found ? new Block(context, found) : null;

    /// <summary>The member of that key or one of its other names; null when it is not written.</summary>
    public Member? Find(string keys)
    {
        Member? found = null;
        foreach (var key in keys.Split('|'))
        {
            _known.Add(key);
            if (!_members.TryGetValue(key, out var member))
                continue;
            if (found is not null)
                _context.Error(member.At, $"'{found.Key}' and '{key}' mean the same: write only one of them");
            found ??= member;
        }

        return found is { Value: ScalarNode { Value: null } } ? null : found;
    }

    public bool Has(string keys) => Find(keys) is not null;

    /// <summary>Where the key is written, or the block itself.</summary>
    public ConfigPlace PlaceOf(string keys) => Find(keys)?.At ?? At;

    /// <summary>As <see cref="Find"/>, with an error when it is not written.</summary>
    public Member? Required(string keys)
    {
        var found = Find(keys);
        if (found is null)
            _context.Error(At, $"'{keys.Split('|')[0]}' is missing: it has to be written here");
        return found;
    }

    /// <summary>
    /// The keys that are written and have not been asked
    /// for, for blocks whose one other key names a type.
    /// </summary>
    public IEnumerable<Member> Remaining() => _members.Values.Where(member => !_known.Contains(member.Key));

    /// <summary>Takes a key as known without reading it.</summary>
    public void Skip(string key) => _known.Add(key);

    /// <summary>Says that a key is understood and makes no difference here.</summary>
    public void NoteIfWritten(string keys, string message)
    {
        if (Find(keys) is { } found)
            _context.Note(found.At, message);
    }

    public Block? Child(string keys) => Find(keys) is { } found ? Open(_context, found.Value) : null;

    public IEnumerable<Node> List(string keys) => Find(keys) is { } found ? _context.Items(found.Value) : [];

    public IEnumerable<Member> Map(string keys) => Find(keys) is { } found ? _context.Entries(found.Value) : [];

    /// <summary>Reports every key that nobody asked for.</summary>
    public void Close(string what)
    {
        foreach (var member in Remaining())
        {
            var suggestion = Nearest.Suggest(member.Key, _known);
            var known = suggestion.Length > 0
                ? ""
                : $": known are {string.Join(", ", _known.Order(StringComparer.Ordinal))}";
            _context.Error(member.At, $"'{member.Key}' is not a key of {what}{suggestion}{known}");
        }
    }
}
