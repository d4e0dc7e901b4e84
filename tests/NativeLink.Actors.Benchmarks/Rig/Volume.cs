using System.Globalization;

namespace NativeLink.Actors.Benchmarks.Rig;

/// <summary>A file system of this run's own to measure on.</summary>
internal sealed class Volume : IDisposable
{
    private const long ImageBytes = 32L << 30;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    private int _directories;

    private Volume(string name, string path) => (Name, Path) = (name, path);

    /// <summary>
    /// <c>ext4</c> (with its journal, on a loop device),
    /// <c>xfs</c> (likewise; it has reflinks) or <c>tmpfs</c>.
    /// </summary>
    public string Name { get; }

    public string Path { get; }

    public string NewDirectory(string name) =>
        Directory.CreateDirectory(System.IO.Path.Combine(Path, string.Create(
            CultureInfo.InvariantCulture, $"{Interlocked.Increment(ref _directories):000}-{name}"))).FullName;

    /// <summary>Deletes every directory that was made here.</summary>
    public void Clear()
    {
        foreach (var directory in Directory.EnumerateDirectories(Path)
            .Where(static directory => System.IO.Path.GetFileName(directory) != "lost+found"))
            Directory.Delete(directory, recursive: true);
    }

    /// <exception cref="CannotMeasureException">Not root, or the kernel or a program is missing.</exception>
    public static async Task<Volume> MountAsync(string name, string parent)
    {
        if (!Environment.IsPrivilegedProcess)
            throw new CannotMeasureException("only root can mount the file systems to measure on");
        var path = Directory.CreateDirectory(System.IO.Path.Combine(parent, name)).FullName;
        if (name == "tmpfs")
        {
            await RunAsync("mount", "-t", "tmpfs", "-o", "mode=0755", "nativelink-actors-bench", path);
            return new Volume(name, path);
        }
        var image = path + ".img";
        try
        {
            await using (var file = File.Create(image))
                file.SetLength(ImageBytes);
            string[] make = name == "xfs"
                ? ["mkfs.xfs", "-q", image]
                : ["mkfs.ext4", "-q", "-F", "-O", "has_journal", image];
            await RunAsync(make[0], make[1..]);
            // Without noinit_itable the kernel goes on writing empty inode tables while the first targets are measured.
            await RunAsync("mount", "-o", name == "xfs" ? "loop" : "loop,noinit_itable", image, path);
        }
        finally
        {
            // The loop device keeps it until it is unmounted; nothing is left then.
            File.Delete(image);
        }
        return new Volume(name, path);
    }

    /// <summary>A <c>tmpfs</c> that is soon full.</summary>
    /// <exception cref="CannotMeasureException">Not root.</exception>
    public static async Task<Volume> MountSmallAsync(string path, long bytes)
    {
        if (!Environment.IsPrivilegedProcess)
            throw new CannotMeasureException("only root can mount a file system to fill");
        await RunAsync("mount", "-t", "tmpfs", "-o",
            string.Create(CultureInfo.InvariantCulture, $"mode=0755,size={bytes}"), "nativelink-actors-bench", path);
        return new Volume("tmpfs", path);
    }

    public void Dispose() => BenchContext.RunAsync("umount", ["-R", "-l", Path], Limit).GetAwaiter().GetResult();

    private static async Task RunAsync(string program, params string[] arguments)
    {
        try
        {
            var (code, output) = await BenchContext.RunAsync(program, arguments, Limit);
            if (code != 0)
                throw new CannotMeasureException($"{program} {string.Join(' ', arguments)}: {output.Trim()}");
        }
        catch (System.ComponentModel.Win32Exception error)
        {
            throw new CannotMeasureException($"{program} cannot be started: {error.Message}");
        }
    }
}
