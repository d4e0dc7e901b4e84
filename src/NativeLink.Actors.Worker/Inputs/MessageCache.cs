using System.Diagnostics.CodeAnalysis;
using Google.Protobuf;

namespace NativeLink.Actors.Worker.Inputs;

/// <summary>
/// Decoded messages by digest, least recently used first out, bounded by about the memory that they
/// take: small ones cost many times what they have on the wire. What is in here is never changed.
/// Not safe for several threads.
/// </summary>
internal sealed class MessageCache(long maxBytes)
{
    // Measured: an action or a command of some 150 bytes takes 800, a directory three times its bytes.
    private const long EntryBytes = 400;
    private const long BytesAByte = 3;
    private const long LargestDivisor = 2;

    private readonly Dictionary<Digest, LinkedListNode<(Digest Digest, IMessage Message)>> _known = [];
    private readonly LinkedList<(Digest Digest, IMessage Message)> _byUse = new();
    private long _bytes;

    public bool TryGet<T>(Digest digest, [NotNullWhen(true)] out T? message)
        where T : class, IMessage, new()
    {
        message = digest.IsEmpty ? new T() : null;
        if (message is not null)
            return true;
        if (!_known.TryGetValue(digest, out var node) || node.Value.Message is not T typed)
            return false;
        _byUse.Remove(node);
        _byUse.AddLast(node);
        message = typed;
        return true;
    }

    public bool Knows(Digest digest) => digest.IsEmpty || _known.ContainsKey(digest);

    /// <summary>One that would drive out most of the others is not kept.</summary>
    public void Add(Digest digest, IMessage message)
    {
        if (CostOf(digest) > maxBytes / LargestDivisor)
            return;
        if (_known.Remove(digest, out var old))
            _byUse.Remove(old);
        else
            _bytes += CostOf(digest);
        _known[digest] = _byUse.AddLast((digest, message));
        while (_bytes > maxBytes && _byUse.First is { } oldest)
        {
            _byUse.RemoveFirst();
            _known.Remove(oldest.Value.Digest);
            _bytes -= CostOf(oldest.Value.Digest);
        }
    }

    private static long CostOf(Digest digest) => EntryBytes + (BytesAByte * digest.SizeBytes);
}

/// <summary>The messages that a downloader remembers.</summary>
internal sealed class MessageCaches
{
    private const long DirectoriesBytes = 48 << 20;

    // Hardly one of these is asked for twice, but when its operation is sent again.
    private const long PlansBytes = 4 << 20;

    public MessageCache Directories { get; } = new(DirectoriesBytes);

    /// <summary>Actions and Commands.</summary>
    public MessageCache Plans { get; } = new(PlansBytes);

    public void Add(Digest digest, IMessage message) =>
        (message is Reapi.Directory ? Directories : Plans).Add(digest, message);
}
