using System.Diagnostics;

namespace NativeLink.Actors.Testing;

/// <summary>
/// A directory of one test's own below the system's temporary one, gone afterwards with everything mounted in it, also
/// where what is in it is read-only, deeper than a path may be long, or still being deleted by another.
/// </summary>
public sealed class TempDirectory : IDisposable
{
    /// <param name="below">Null: the system's temporary directory.</param>
    public TempDirectory(string? below = null) => Path = below is null
        ? Directory.CreateTempSubdirectory("nla-test-").FullName
        : Directory.CreateDirectory(System.IO.Path.Combine(below, Guid.NewGuid().ToString("N"))).FullName;

    public string Path { get; }

    /// <summary>The path of something in it, which need not be there.</summary>
    public string At(params string[] parts) => System.IO.Path.Combine([Path, .. parts]);

    /// <summary>Writes a file below it, with its parents; the full path.</summary>
    public string Write(string name, string content)
    {
        var path = At(name);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        File.WriteAllText(path, content);
        return path;
    }

    /// <exception cref="IOException">Something of it could not be deleted.</exception>
    public void Dispose()
    {
        // A worker that was killed leaves its mounts to its next start, which a test does not make.
        foreach (var mount in Mounts())
            Run("umount", "-l", mount);
        try
        {
            Directory.Delete(Path, recursive: true);
        }
        catch (DirectoryNotFoundException)
        {
            return;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            // ArgumentException is what .NET makes of a path that is too long.
            Run("chmod", "-R", "u+rwX", Path);
            Run("rm", "-rf", Path);
        }
        if (Directory.Exists(Path))
            throw new IOException($"a test has left {Path} behind, and it cannot be deleted");
    }

    /// <summary>The innermost first.</summary>
    private List<string> Mounts() =>
    [
        .. File.ReadLines("/proc/self/mounts").Select(line => line.Split(' ')[1])
            .Where(mount => mount.StartsWith(Path + "/", StringComparison.Ordinal))
            .Reverse(),
    ];

    private static void Run(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardError = true };
        using var process = Process.Start(start)!;
        process.StandardError.ReadToEnd();
        process.WaitForExit();
    }
}
