using System.Globalization;
using NativeLink.Actors.Storage.Filesystem.Index;
using NativeLink.Actors.Storage.Filesystem.Layout;

namespace NativeLink.Actors.Storage.Filesystem.Verification;

/// <summary>
/// Takes corrupt files out of the store and keeps the newest few of them beside it for whoever
/// wants to know what happened. Their names begin with the time (UTC) at which they came here;
/// their own times stay as they were.
/// </summary>
internal sealed class StoreQuarantine(
    StorePaths paths, BlobIndex index, Lock gate, ContentStoreOptions options, TimeProvider time)
{
    private const int Kept = 16;

    /// <summary>Takes a blob out, and with it its executable copy, which was copied from it.</summary>
    public void TakeBlob(in Digest digest, string reason)
    {
        lock (gate)
        {
            if (index.Find(BlobIndex.KeyOf(digest)) is { } entry)
                index.Remove(entry);
        }
        _ = Libc.UnlinkAt(Libc.AtFdCwd, paths.ExecutableCopyPath(digest), 0);
        Move(paths.BlobPath(digest), StorePaths.NameOf(digest));
        Warn($"blob {digest} of {options.ContentPath} was corrupt ({reason})");
    }

    /// <summary>Takes an executable copy out; its blob, which is not corrupt, stays.</summary>
    public void TakeExecutableCopy(in Digest digest, string reason)
    {
        lock (gate)
        {
            if (index.Find(BlobIndex.KeyOf(digest)) is { } entry)
                index.RemoveExecutableCopy(entry);
        }
        Move(paths.ExecutableCopyPath(digest), StorePaths.NameOf(digest) + ".exec");
        Warn($"the executable file of blob {digest} of {options.ContentPath} was corrupt ({reason})");
    }

    private void Warn(string what) =>
        options.OnWarning?.Invoke(
            $"{what}; it is kept in {paths.QuarantineDirectory} and will be made anew when it is wanted");

    private void Move(string path, string name)
    {
        var stamp = time.GetUtcNow().ToString("yyyyMMdd'T'HHmmss.fff'Z'", CultureInfo.InvariantCulture);
        // That it leaves the store matters more than that it is kept.
        if (!TryMake() || Libc.RenameAt(Libc.AtFdCwd, path, Libc.AtFdCwd,
            Path.Combine(paths.QuarantineDirectory, $"{stamp}-{name}")) != 0)
            _ = Libc.UnlinkAt(Libc.AtFdCwd, path, 0);
        else
            DeleteOld();
    }

    private bool TryMake()
    {
        try
        {
            Directory.CreateDirectory(paths.QuarantineDirectory);
            return true;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private void DeleteOld()
    {
        var files = Directory.GetFiles(paths.QuarantineDirectory);
        Array.Sort(files, StringComparer.Ordinal);
        foreach (var old in files.SkipLast(Kept))
            _ = Libc.UnlinkAt(Libc.AtFdCwd, old, 0);
    }
}
