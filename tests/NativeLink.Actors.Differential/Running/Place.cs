using System.Diagnostics;

namespace NativeLink.Actors.Differential.Running;

/// <summary>
/// A directory for a worker, removed at the end. For reflinks it is on a file system that has them:
/// that of the temporary directory, else an xfs in a file of its own, where a root user with
/// mkfs.xfs and a loop device can mount one.
/// </summary>
internal sealed class Place : IDisposable
{
    private const long ImageBytes = 4L << 30;

    private readonly TempDirectory _top;
    private readonly bool _mounted;

    private Place(TempDirectory top, string path, bool mounted, string? whyNot) =>
        (_top, Path, _mounted, WhyNot) = (top, path, mounted, whyNot);

    public string Path { get; }

    /// <summary>Null when the place can be used.</summary>
    public string? WhyNot { get; }

    public static Place For(string materialiser)
    {
        var top = new TempDirectory();
        if (materialiser != "reflink" || HasReflinks(top.Path))
            return new Place(top, top.Path, false, null);
        var (image, mount) = (top.At("image"), top.At("xfs"));
        Directory.CreateDirectory(mount);
        using (var file = File.OpenHandle(image, FileMode.CreateNew, FileAccess.Write))
            RandomAccess.SetLength(file, ImageBytes);
        if (Run("mkfs.xfs", "-q", image) is { } noFileSystem)
            return new Place(top, mount, false, $"{top.Path} has no reflinks, and mkfs.xfs: {noFileSystem}");
        if (Run("mount", "-o", "loop", image, mount) is { } noMount)
            return new Place(top, mount, false, $"{top.Path} has no reflinks, and mount -o loop: {noMount}");
        return new Place(top, mount, true, null);
    }

    public void Dispose()
    {
        if (_mounted && Run("umount", Path) is not null)
            Run("umount", "-l", Path);
        _top.Dispose();
    }

    private static bool HasReflinks(string directory)
    {
        var (from, to) = (System.IO.Path.Combine(directory, "from"), System.IO.Path.Combine(directory, "to"));
        File.WriteAllText(from, new string('x', 4096));
        var can = Run("cp", "--reflink=always", from, to) is null;
        File.Delete(from);
        File.Delete(to);
        return can;
    }

    /// <summary>Null when it went well, else what went wrong.</summary>
    private static string? Run(string program, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments)
            {
                RedirectStandardError = true,
                RedirectStandardOutput = true,
            })!;
            var (error, _) = (process.StandardError.ReadToEnd(), process.StandardOutput.ReadToEnd());
            process.WaitForExit();
            return process.ExitCode == 0 ? null : $"exit code {process.ExitCode}: {error.Trim()}";
        }
        catch (System.ComponentModel.Win32Exception error)
        {
            return error.Message;
        }
    }
}
