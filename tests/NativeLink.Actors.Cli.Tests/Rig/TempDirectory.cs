using System.Diagnostics;

namespace NativeLink.Actors.Cli.Tests.Rig;

internal sealed class TempDirectory : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("nativelink-actors-cli-").FullName;

    /// <summary>Writes a file below it, with its parents; the full path.</summary>
    public string Write(string name, string content)
    {
        var path = System.IO.Path.Combine(Path, name);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        File.WriteAllText(path, content);
        return path;
    }

    public string At(string name) => System.IO.Path.Combine(Path, name);

    public void Dispose()
    {
        // A worker that was killed leaves its mounts to its next start, which a test does not make.
        var mounts = File.ReadLines("/proc/self/mounts").Select(line => line.Split(' ')[1]).Where(mount => mount.StartsWith(Path + "/", StringComparison.Ordinal));
        foreach (var mount in mounts.Reverse().ToList())
        {
            using var unmount = Process.Start("umount", ["-l", mount]);
            unmount.WaitForExit();
        }
        Directory.Delete(Path, recursive: true);
    }
}
