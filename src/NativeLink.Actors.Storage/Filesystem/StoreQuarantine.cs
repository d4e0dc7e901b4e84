using NativeLink.Actors.Storage.Native;

namespace NativeLink.Actors.Storage.Filesystem;

/// <summary>Keeps corrupt blobs for whoever wants to know what happened to them; only the newest few.</summary>
internal static class StoreQuarantine
{
    private const int Kept = 16;

    public static void Take(StorePaths paths, in Digest digest)
    {
        var name = StorePaths.NameOf(digest);
        Directory.CreateDirectory(paths.QuarantineDirectory);
        if (Libc.RenameAt(paths.BlobDescriptor, name, Libc.AtFdCwd, Path.Combine(paths.QuarantineDirectory, name)) != 0)
            _ = Libc.UnlinkAt(paths.BlobDescriptor, name, 0);
        foreach (var old in new DirectoryInfo(paths.QuarantineDirectory).GetFiles().OrderByDescending(static file => file.LastWriteTimeUtc).Skip(Kept))
            old.Delete();
    }
}
