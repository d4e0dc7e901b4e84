namespace NativeLink.Actors.Cas;

/// <summary>Sizes that hold for every CAS (protos/README.md 2.2).</summary>
internal static class CasLimits
{
    /// <summary>What a message may hold when 4 MiB is the limit and some room is left for its head.</summary>
    public const int MessageBytes = (4 << 20) - (64 << 10);

    /// <summary>Blobs that are decoded as protobuf messages are refused above this.</summary>
    public const long ProtobufBytes = 10 << 20;

    /// <summary>The fault of a blob that is to be a message and is above <see cref="ProtobufBytes"/>.</summary>
    /// <param name="what">For example <c>the command</c>.</param>
    public static Fault TooLargeForMessage(string what, Digest digest) =>
        new(FaultKind.Action, $"{what} {digest} is larger than {ProtobufBytes} bytes, which no message may be");

    /// <summary>Blobs up to this size travel in batches, larger ones in streams.</summary>
    public const int SmallBlobBytes = 512 << 10;
}
