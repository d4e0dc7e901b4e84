using System.Text;
using Microsoft.Win32.SafeHandles;

namespace NativeLink.Actors.LocalCluster.BlobAccess;

/// <summary>
/// The digests of all files in a Tree message, read from its blob piece
/// by piece: the message of a large output has tens of megabytes, most
/// of them names, and is looked into at each lookup of its action.
/// </summary>
internal sealed class TreeFiles(SafeFileHandle file, long length, DigestFunction function)
{
    // The way down: Tree.root and Tree.children, Directory.files, FileNode.digest.
    private const int Root = 1;
    private const int Children = 2;
    private const int Files = 1;
    private const int FileDigest = 2;
    private const int Hash = 1;
    private const int Size = 2;

    private readonly byte[] _buffer = new byte[(int)Math.Min(length, 64 << 10)];
    private readonly HashSet<Digest> _digests = [];
    private long _bufferStart;
    private int _buffered;
    private long _at;

    /// <summary>Null when the blob is no Tree, or one whose digests are malformed.</summary>
    public static Digest[]? Read(SafeFileHandle file, long length, DigestFunction function)
    {
        var reader = new TreeFiles(file, length, function);
        try
        {
            reader.ReadMessage(length, (field, end) => field is Root or Children && reader.ReadDirectory(end));
            return [.. reader._digests];
        }
        catch (InvalidDataException)
        {
            return null;
        }
    }

    private bool ReadDirectory(long end)
    {
        ReadMessage(end, (field, fileEnd) => field == Files && ReadFile(fileEnd));
        return true;
    }

    private bool ReadFile(long end)
    {
        var any = false;
        ReadMessage(end, (field, digestEnd) => field == FileDigest && (any = ReadDigest(digestEnd)));
        return any ? true : throw new InvalidDataException("a file without a digest");
    }

    private bool ReadDigest(long end)
    {
        Span<byte> hash = stackalloc byte[Digest.HashLength * 2];
        Span<char> text = stackalloc char[Digest.HashLength * 2];
        var (hashLength, size) = (0, 0L);
        while (_at < end)
        {
            var tag = ReadVarint(end);
            if (tag == ((Hash << 3) | 2))
            {
                hashLength = (int)Math.Min(int.MaxValue, ReadVarint(end));
                if (hashLength != hash.Length || _at + hashLength > end)
                    throw new InvalidDataException("a hash of another length");
                for (var i = 0; i < hash.Length; i++)
                    hash[i] = ReadByte(end);
            }
            else if (tag == (Size << 3))
            {
                size = (long)ReadVarint(end);
            }
            else
            {
                Skip(tag, end);
            }
        }
        if (hashLength == 0 || !Encoding.ASCII.TryGetChars(hash, text, out _)
            || !Digest.TryParse(text, size, function, out var digest))
            throw new InvalidDataException("a malformed digest");
        _digests.Add(digest);
        return true;
    }

    /// <param name="descend">Takes the field's number and the end of its bytes; false skips it.</param>
    private void ReadMessage(long end, Func<int, long, bool> descend)
    {
        while (_at < end)
        {
            var tag = ReadVarint(end);
            if ((tag & 7) != 2)
            {
                Skip(tag, end);
                continue;
            }
            var bytes = ReadVarint(end);
            if (bytes > (ulong)(end - _at))
                throw new InvalidDataException("a field is longer than its message");
            var fieldEnd = _at + (long)bytes;
            if (!descend((int)Math.Min(int.MaxValue, tag >> 3), fieldEnd))
                _at = fieldEnd;
        }
    }

    private void Skip(ulong tag, long end)
    {
        ulong bytes = (tag & 7) switch
        {
            0 => 0,
            1 => 8,
            2 => ReadVarint(end),
            5 => 4,
            _ => throw new InvalidDataException("a wire type that is not known"),
        };
        if ((tag & 7) == 0)
            ReadVarint(end);
        if (bytes > (ulong)(end - _at))
            throw new InvalidDataException("a field is longer than its message");
        _at += (long)bytes;
    }

    private ulong ReadVarint(long end)
    {
        ulong value = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var next = ReadByte(end);
            value |= (ulong)(next & 0x7f) << shift;
            if (next < 0x80)
                return value;
        }
        throw new InvalidDataException("a number that does not end");
    }

    private byte ReadByte(long end)
    {
        if (_at >= end)
            throw new InvalidDataException("a number is cut off");
        if (_at < _bufferStart || _at >= _bufferStart + _buffered)
        {
            (_bufferStart, _buffered) = (_at, RandomAccess.Read(file, _buffer, _at));
            if (_buffered == 0)
                throw new InvalidDataException($"the blob ends at {_at}, before its length {length}");
        }
        return _buffer[_at++ - _bufferStart];
    }
}
