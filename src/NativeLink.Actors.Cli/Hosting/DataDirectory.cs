using NativeLink.Actors.Protocol;

namespace NativeLink.Actors.Cli.Hosting;

/// <summary>A directory that belongs to one process at a time.</summary>
internal sealed class DataDirectory : IDisposable
{
    private readonly FileStream? _lock;
    private readonly bool _temporary;

    private DataDirectory(string path, FileStream? held, bool temporary) =>
        (Path, _lock, _temporary) = (path, held, temporary);

    /// <summary>Absolute.</summary>
    public string Path { get; }

    /// <exception cref="UsageException">It cannot be made or written, or another process has it.</exception>
    public static DataDirectory Open(string path)
    {
        var full = System.IO.Path.GetFullPath(path);
        try
        {
            Directory.CreateDirectory(full);
            return new DataDirectory(full, new FileStream(System.IO.Path.Combine(full, ".lock"), FileMode.OpenOrCreate,
                FileAccess.ReadWrite, FileShare.None), false);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"--data {full}: {Why(full, error)}");
        }
    }

    private static string Why(string full, Exception error)
    {
        if (error is IOException io && Reasons.IsLocked(io))
            return "another nativelink-actors uses it; stop that one or name another directory";
        if (Reasons.NoDirectory(full) is { } reason)
            return reason;
        return Directory.Exists(full)
            ? $"it cannot be written: {Reasons.Of(error)}"
            : $"it cannot be made: {Reasons.Of(error)}";
    }

    /// <summary>A new one that goes away at the end.</summary>
    /// <exception cref="FaultException">Worker: it cannot be made.</exception>
    public static DataDirectory Temporary()
    {
        try
        {
            return new DataDirectory(Directory.CreateTempSubdirectory("nativelink-actors-").FullName, null, true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new FaultException(
                FaultKind.Worker,
                $"no directory can be made in {System.IO.Path.GetTempPath()}: {Reasons.Of(error)}; " +
                "TMPDIR names another place");
        }
    }

    public void Dispose()
    {
        _lock?.Dispose();
        if (!_temporary)
            return;
        try
        {
            Directory.Delete(Path, recursive: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // It lies below the system's temporary directory, which is swept by others; nothing of value is in it.
        }
    }
}
