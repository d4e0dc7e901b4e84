using System.Diagnostics.CodeAnalysis;
using Google.Protobuf;

namespace NativeLink.Actors.Worker.Inputs;

/// <summary>
/// Decoded messages by digest, least recently used first out, bounded by their encoded size. What is in here is never changed.
/// Safe for several threads.
/// </summary>
internal sealed class MessageCache(long maxBytes)
{
    private readonly Dictionary<Digest, LinkedListNode<(Digest Digest, IMessage Message)>> _known = [];
    private readonly LinkedList<(Digest Digest, IMessage Message)> _byUse = new();
    private long _bytes;

    public bool TryGet<T>(Digest digest, [NotNullWhen(true)] out T? message)
        where T : class, IMessage, new()
    {
        message = digest.IsEmpty ? new T() : null;
        if (message is not null)
            return true;
        lock (_known)
        {
            if (!_known.TryGetValue(digest, out var node) || node.Value.Message is not T typed)
                return false;
            _byUse.Remove(node);
            _byUse.AddLast(node);
            message = typed;
            return true;
        }
    }

    public bool Knows(Digest digest)
    {
        lock (_known)
            return digest.IsEmpty || _known.ContainsKey(digest);
    }

    public void Add(Digest digest, IMessage message)
    {
        lock (_known)
        {
            if (_known.Remove(digest, out var old))
                _byUse.Remove(old);
            else
                _bytes += digest.SizeBytes;
            _known[digest] = _byUse.AddLast((digest, message));
            while (_bytes > maxBytes && _byUse.First is { } oldest)
            {
                _byUse.RemoveFirst();
                _known.Remove(oldest.Value.Digest);
                _bytes -= oldest.Value.Digest.SizeBytes;
            }
        }
    }
}
