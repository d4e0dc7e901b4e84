using System.Globalization;

namespace NativeLink.Actors.Storage.Filesystem.Layout;

/// <summary>
/// The layout on disk (protos/README.md 5.4) and open descriptors
/// of its directories, so that hot calls need no long paths.
/// </summary>
internal sealed class StorePaths : IDisposable
{
    private int _blobDescriptor;

    public StorePaths(ContentStoreOptions options)
    {
        RequireAbsolute(options.ContentPath, "content_path");
        RequireAbsolute(options.TempPath, "temp_path");
        var content = Path.TrimEndingDirectorySeparator(options.ContentPath);
        BlobDirectory = Path.Combine(content, "d");
        ExecutableCopyDirectory = Path.Combine(content + ".exec", "d");
        QuarantineDirectory = content + ".quarantine";
        UsersDirectory = Path.Combine(content, ".users");
        EvictionLock = Path.Combine(content, ".eviction.lock");
        BootMarker = Path.Combine(content, ".boot");
        UnverifiedMarker = Path.Combine(content, ".doubts");
        FormatStamp = Path.Combine(content, ".format");
        Make(BlobDirectory, "content_path");
        Make(UsersDirectory, "content_path");
        Make(options.TempPath, "temp_path");
        _blobDescriptor = OpenDirectory(BlobDirectory);
    }

    public string BlobDirectory { get; }

    public string ExecutableCopyDirectory { get; }

    public string QuarantineDirectory { get; }

    /// <summary>One locked file for each process that has the store open.</summary>
    public string UsersDirectory { get; }

    public string EvictionLock { get; }

    /// <summary>Holds the boot id of the kernel under which the store was last opened.</summary>
    public string BootMarker { get; }

    /// <summary>There while blobs have to be hashed before their first use; since when they have changed.</summary>
    public string UnverifiedMarker { get; }

    /// <summary>Holds the number of the layout; a store of the first releases has none.</summary>
    public string FormatStamp { get; }

    /// <summary>-1 after the store was closed: a number that was closed may be another file's by then.</summary>
    public int BlobDescriptor => Volatile.Read(ref _blobDescriptor);

    public static string NameOf(in Digest digest) =>
        string.Create(CultureInfo.InvariantCulture, $"{digest.Hash}-{digest.SizeBytes}");

    public static bool TryParseName(ReadOnlySpan<char> name, out Digest key)
    {
        key = default;
        return name.Length > 65 && name[64] == '-'
            && long.TryParse(name[65..], NumberStyles.None, CultureInfo.InvariantCulture, out var size)
            && size > 0
            && name[..64].IndexOfAnyInRange('A', 'F') < 0
            && name[65] != '0'
            && Digest.TryParse(name[..64], size, DigestFunction.Sha256, out key);
    }

    /// <summary>The blobs that a directory has files of, as sha256; none where there is no such directory.</summary>
    public static IEnumerable<Digest> KeysIn(string directory)
    {
        foreach (var path in Directory.Exists(directory) ? Directory.EnumerateFiles(directory) : [])
        {
            if (TryParseName(Path.GetFileName(path.AsSpan()), out var key))
                yield return key;
        }
    }

    public string BlobPath(in Digest digest) => Path.Combine(BlobDirectory, NameOf(digest));

    public string ExecutableCopyPath(in Digest digest) => Path.Combine(ExecutableCopyDirectory, NameOf(digest));

    /// <summary>
    /// Whether the blob's file is there now. Others, NativeLink among them, put files here that
    /// have a time of their own: they get ours.
    /// </summary>
    public bool Has(in Digest digest)
    {
        var name = NameOf(digest);
        var has =
            Libc.StatxAt(BlobDescriptor, name, Libc.AtSymlinkNoFollow, StatxBuffer.TypeSizeAndTime, out var status) == 0
            && status.IsRegular && status.Size == (ulong)digest.SizeBytes;
        if (has && status.ModifyTime.TotalNanoseconds != InputTime.Nanoseconds)
            _ = InputTime.SetAt(BlobDescriptor, name);
        return has;
    }

    /// <summary>Removes an executable copy whose blob is not there; one that is wanted again is made anew.</summary>
    public void DeleteOrphanedExecutableCopy(in Digest digest)
    {
        if (!Has(digest))
            _ = Libc.UnlinkAt(Libc.AtFdCwd, ExecutableCopyPath(digest), 0);
    }

    public void Dispose()
    {
        var descriptor = Interlocked.Exchange(ref _blobDescriptor, -1);
        if (descriptor >= 0)
            _ = Libc.Close(descriptor);
    }

    private static int OpenDirectory(string path)
    {
        var descriptor = Libc.Open(path, OpenFlags.ReadOnly | OpenFlags.Directory | OpenFlags.CloseOnExec, 0);
        return descriptor >= 0 ? descriptor : throw DiskFault.Last($"directory {path} cannot be opened");
    }

    private static void RequireAbsolute(string path, string key)
    {
        if (!Path.IsPathRooted(path) || path.Contains('\0', StringComparison.Ordinal))
            throw new FaultException(
                FaultKind.Storage, $"{key} '{path}' of the filesystem store is not an absolute path");
    }

    private static void Make(string path, string key)
    {
        try
        {
            Directory.CreateDirectory(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new FaultException(FaultKind.Storage, $"{key}: directory {path} cannot be made: {error.Message}",
                error);
        }
    }
}
