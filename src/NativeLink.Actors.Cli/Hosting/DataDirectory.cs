namespace NativeLink.Actors.Cli.Hosting;

/// <summary>A directory that belongs to one process at a time.</summary>
public sealed class DataDirectory : IDisposable
{
    private readonly FileStream? _lock;
    private readonly bool _temporary;

    private DataDirectory(string path, FileStream? held, bool temporary) => (Path, _lock, _temporary) = (path, held, temporary);

    /// <summary>Absolute.</summary>
    public string Path { get; }

    /// <exception cref="UsageException">It cannot be made or written, or another process has it.</exception>
    public static DataDirectory Open(string path)
    {
        var full = System.IO.Path.GetFullPath(path);
        try
        {
            Directory.CreateDirectory(full);
            return new DataDirectory(full, new FileStream(System.IO.Path.Combine(full, ".lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None), false);
        }
        catch (UnauthorizedAccessException error)
        {
            throw new UsageException($"--data {full}: {error.Message}");
        }
        catch (IOException error)
        {
            throw new UsageException(File.Exists(System.IO.Path.Combine(full, ".lock"))
                ? $"--data {full}: another nativelink-actors uses it; stop that one or name another directory"
                : $"--data {full}: {error.Message}");
        }
    }

    /// <summary>A new one that goes away at the end.</summary>
    public static DataDirectory Temporary() => new(Directory.CreateTempSubdirectory("nativelink-actors-").FullName, null, true);

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
