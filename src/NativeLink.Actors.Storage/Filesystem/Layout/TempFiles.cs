using System.Globalization;

namespace NativeLink.Actors.Storage.Filesystem.Layout;

/// <summary>
/// Files being written: in a directory of this process's own below <c>temp_path</c>; those of
/// processes that are gone are removed at start.
/// </summary>
internal sealed class TempFiles : IDisposable
{
    private readonly ProcessPresence _presence;
    private readonly string _own;
    private long _next;

    public TempFiles(string tempPath)
    {
        try
        {
            RemoveLooseFiles(tempPath);
            _presence = ProcessPresence.Register(Path.Combine(tempPath, ".users"),
                name => TreeDeleter.Delete(Path.Combine(tempPath, name)));
            _own = Path.Combine(tempPath, _presence.Name);
            Directory.CreateDirectory(_own);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new FaultException(FaultKind.Storage, $"temp_path {tempPath} cannot be used: {error.Message}", error);
        }
    }

    /// <summary>A path that no other file has or ever had.</summary>
    public string NewPath() => Path.Combine(_own,
        Interlocked.Increment(ref _next).ToString(CultureInfo.InvariantCulture));

    public void Dispose()
    {
        TreeDeleter.Delete(_own);
        _presence.Dispose();
    }

    /// <summary>
    /// NativeLink empties <c>temp_path</c> at start. A directory that is everybody's (sticky, as
    /// /tmp) is left alone all the same.
    /// </summary>
    private static void RemoveLooseFiles(string tempPath)
    {
        if ((File.GetUnixFileMode(tempPath) & UnixFileMode.StickyBit) != 0)
            return;
        foreach (var file in Directory.EnumerateFiles(tempPath))
            File.Delete(file);
    }
}
