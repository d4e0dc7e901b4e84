using System.Buffers;

namespace NativeLink.Actors.LocalCluster.Connections;

/// <summary>
/// Follows the frames of what an HTTP/2 client sends (RFC 9113 sections 3.4 and 4.1), in pieces of
/// any size; knows only where each begins.
/// </summary>
internal sealed class FrameHeads
{
    private const int HeadBytes = 9;

    private const byte GoAway = 7;

    private readonly byte[] _head = new byte[HeadBytes];
    private int _headBytes;

    /// <summary>Of the preface first, then of a frame's payload.</summary>
    private long _skip = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.Length;

    /// <summary>Takes the next bytes; true if a GOAWAY begins in them.</summary>
    public bool FindGoAway(ReadOnlySequence<byte> bytes)
    {
        var found = false;
        while (true)
        {
            var skipped = Math.Min(_skip, bytes.Length);
            bytes = bytes.Slice(skipped);
            _skip -= skipped;
            var taken = (int)Math.Min(HeadBytes - _headBytes, bytes.Length);
            bytes.Slice(0, taken).CopyTo(_head.AsSpan(_headBytes));
            bytes = bytes.Slice(taken);
            _headBytes += taken;
            if (_headBytes < HeadBytes)
                return found;
            found |= _head[3] == GoAway;
            _skip = (_head[0] << 16) | (_head[1] << 8) | _head[2];
            _headBytes = 0;
        }
    }
}
