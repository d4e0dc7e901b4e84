using Google.Protobuf;

namespace NativeLink.Actors.Protocol.Tests;

internal static class Golden
{
    /// <summary>The message has exactly this encoding, and the encoding means exactly this message.</summary>
    public static void Holds<T>(string hex, T message)
        where T : class, IMessage<T>, new()
    {
        Assert.Equal(hex, Convert.ToHexStringLower(message.ToByteArray()));
        Assert.Equal(message, new MessageParser<T>(() => new T()).ParseFrom(Convert.FromHexString(hex)));
    }

    public static Reapi.Digest Digest(string hash, long size) => new() { Hash = hash, SizeBytes = size };
}
