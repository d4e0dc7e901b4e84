namespace NativeLink.Actors.LocalCluster.Tests.Services;

internal static class Zstd
{
    public static byte[] Encode(ReadOnlySpan<byte> content)
    {
        using var compressor = new ZstdSharp.Compressor(1);
        return compressor.Wrap(content).ToArray();
    }

    public static byte[] Decode(byte[] frame)
    {
        using var stream = new ZstdSharp.DecompressionStream(new MemoryStream(frame));
        using var content = new MemoryStream();
        stream.CopyTo(content);
        return content.ToArray();
    }
}
