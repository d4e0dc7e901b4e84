using System.Diagnostics.CodeAnalysis;
using Google.Protobuf;

namespace NativeLink.Actors.Protocol;

/// <summary>Decodes bytes that somebody else has made.</summary>
internal static class WireMessages
{
    /// <summary>The message, or why the bytes are none. Never throws for what is in them.</summary>
    public static bool TryParse<T>(
        MessageParser<T> parser, ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out T? message, out string problem)
        where T : class, IMessage<T>
    {
        var parsed = TryParse((MessageParser)parser, bytes, out var any, out problem);
        message = any as T;
        return parsed;
    }

    /// <inheritdoc cref="TryParse{T}(MessageParser{T}, ReadOnlySpan{byte}, out T, out string)"/>
    public static bool TryParse(
        MessageParser parser, ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out IMessage? message, out string problem)
    {
        try
        {
            (message, problem) = (parser.ParseFrom(bytes), "");
            return true;
        }
        catch (Exception error)
        {
            // Not only InvalidProtocolBufferException: a wrapper that ends early is an
            // InvalidOperationException (Google.Protobuf 3.36).
            (message, problem) = (null, error.Message);
            return false;
        }
    }
}
