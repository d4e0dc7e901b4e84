using System.Buffers;

namespace NativeLink.Actors.Cas.Codec;

/// <summary>The few pieces of protobuf's wire format that frames are made of.</summary>
internal static class WireFormat
{
    public static int VarintSize(ulong value)
    {
        var size = 1;
        while ((value >>= 7) != 0)
            size++;
        return size;
    }

    /// <returns>Bytes written.</returns>
    public static int WriteVarint(Span<byte> target, ulong value)
    {
        var at = 0;
        for (; value >= 0x80; value >>= 7)
            target[at++] = (byte)(value | 0x80);
        target[at++] = (byte)value;
        return at;
    }

    /// <exception cref="InvalidDataException">Cut off, or longer than 64 bits.</exception>
    public static ulong ReadVarint(ref SequenceReader<byte> reader)
    {
        ulong value = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            if (!reader.TryRead(out var next))
                break;
            value |= (ulong)(next & 0x7f) << shift;
            if (next < 0x80)
                return value;
        }
        throw new InvalidDataException("a number is cut off or too long");
    }

    /// <exception cref="InvalidDataException">Longer than what is left of the message.</exception>
    public static ReadOnlySequence<byte> ReadBytes(ref SequenceReader<byte> reader)
    {
        var length = ReadVarint(ref reader);
        if (length > (ulong)reader.Remaining)
            throw new InvalidDataException("a field is longer than its message");
        var bytes = reader.UnreadSequence.Slice(0, (long)length);
        reader.Advance((long)length);
        return bytes;
    }

    /// <summary>Passes over a field that nobody here knows.</summary>
    /// <exception cref="InvalidDataException">Cut off, or of no kind that messages have.</exception>
    public static void Skip(ref SequenceReader<byte> reader, ulong tag)
    {
        switch (tag & 7)
        {
            case 0:
                ReadVarint(ref reader);
                break;
            case 1:
                Advance(ref reader, 8);
                break;
            case 2:
                ReadBytes(ref reader);
                break;
            case 5:
                Advance(ref reader, 4);
                break;
            default:
                throw new InvalidDataException($"wire type {tag & 7} is not known");
        }
    }

    private static void Advance(ref SequenceReader<byte> reader, int count)
    {
        if (reader.Remaining < count)
            throw new InvalidDataException("a number is cut off or too long");
        reader.Advance(count);
    }
}
