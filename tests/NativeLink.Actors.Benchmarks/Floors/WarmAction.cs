using System.Globalization;
using System.Security.Cryptography;

namespace NativeLink.Actors.Benchmarks.Floors;

/// <summary>
/// One warm action with nothing but the calls that it takes: an overlay over a tree that is there,
/// its upper layer on a tmpfs, a program spawned with two pipes, an output of 1 KiB written, read
/// and hashed, everything removed.
/// </summary>
internal sealed class WarmAction(string tree, string upper, string targets)
{
    private static readonly byte[] Output = new byte[1024];

    private int _next;

    public void Run()
    {
        var name = (++_next).ToString(CultureInfo.InvariantCulture);
        var (layer, target) = (Path.Combine(upper, name), Path.Combine(targets, name));
        Native.MakeDirectory(layer);
        Native.MakeDirectory(layer + "/u");
        Native.MakeDirectory(layer + "/w");
        Native.MakeDirectory(target);
        Native.Mount("overlay", target, $"lowerdir={tree},upperdir={layer}/u,workdir={layer}/w,index=off,volatile");
        Native.SpawnAndWait("/bin/true");
        Native.Write(target + "/out", Output);
        Span<byte> read = stackalloc byte[Output.Length], hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(read[..Native.Read(target + "/out", read)], hash);
        Native.Unmount(target);
        Directory.Delete(target);
        Directory.Delete(layer, recursive: true);
    }
}
