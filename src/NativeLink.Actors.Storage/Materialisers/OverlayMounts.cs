namespace NativeLink.Actors.Storage.Materialisers;

/// <summary>
/// Overlay mounts by mount(2) (the kernel's overlayfs documentation). Which options this kernel,
/// these file systems and this user namespace take is found out by mounting in the real directories
/// and changing files through the mount.
/// </summary>
internal sealed class OverlayMounts
{
    // A mount takes one page of options.
    private const int LongestOptions = 4000;

    // The first that works is taken. redirect_dir: without it a rename of an input directory fails
    // with EXDEV. volatile: no sync at unmount.
    private static readonly string[] Candidates =
    [
        "redirect_dir=on,metacopy=off,index=off,xino=auto,volatile",
        "redirect_dir=on,index=off,volatile",
        "redirect_dir=on",
        "userxattr,volatile",
        "userxattr",
        "volatile",
        "",
    ];

    private readonly string _options;

    private OverlayMounts(string options) => _options = options;

    /// <summary>For the log.</summary>
    public string Options => _options.Length == 0 ? "no options" : _options;

    /// <summary>
    /// Tries the real thing with lower layers in <paramref name="cache"/> and upper ones in
    /// <paramref name="uppers"/>.
    /// </summary>
    /// <param name="whyNot">When the answer is null: what failed, for the log.</param>
    public static OverlayMounts? Probe(string cache, string uppers, out string whyNot)
    {
        whyNot = "";
        var lower = Path.Combine(cache, ".probe");
        foreach (var options in Candidates)
        {
            var upper = Path.Combine(uppers, ".probe");
            try
            {
                TreeDeleter.Delete(lower);
                TreeDeleter.Delete(upper);
                var mounts = new OverlayMounts(options);
                if (mounts.Try(lower, upper) is not { } failure)
                    return mounts;
                whyNot = whyNot.Length == 0 ? failure : whyNot;
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException or FaultException)
            {
                whyNot = whyNot.Length == 0 ? error.Message : whyNot;
            }
            finally
            {
                OwnMounts.UnmountBelow(upper);
                TreeDeleter.Delete(lower);
                TreeDeleter.Delete(upper);
            }
        }
        return null;
    }

    /// <summary>Mounts; the upper layer's directories have been made. Answers 0 or an errno.</summary>
    /// <param name="lowers">The topmost first.</param>
    public int Mount(IReadOnlyList<string> lowers, string upper, string work, string target)
    {
        var lower = string.Join(':', lowers.Select(Escape));
        var layers = $"lowerdir={lower},upperdir={Escape(upper)},workdir={Escape(work)}";
        var data = _options.Length == 0 ? layers : $"{layers},{_options}";
        if (System.Text.Encoding.UTF8.GetByteCount(data) > LongestOptions)
            return Errno.ENAMETOOLONG;
        return Libc.Mount(OwnMounts.Source, target, "overlay", 0, data) == 0 ? 0 : Errno.Last;
    }

    /// <summary>Unmounts; while something still uses it, the mount goes with its last user.</summary>
    public static void Unmount(string target)
    {
        if (Libc.Unmount(target, 0) != 0)
            _ = Libc.Unmount(target, Libc.UnmountDetach);
    }

    private static string Escape(string path) =>
        path.Replace("\\", "\\\\", StringComparison.Ordinal).Replace(":", "\\:", StringComparison.Ordinal)
            .Replace(",", "\\,", StringComparison.Ordinal);

    /// <summary>
    /// Null when everything that an action may do to its
    /// inputs works and the lower layers stay as they were.
    /// </summary>
    private string? Try(string lower, string upper)
    {
        var (delta, below, target) = (Path.Combine(lower, "delta"), Path.Combine(lower, "base"),
            Path.Combine(upper, "target"));
        foreach (var path in (string[])[Path.Combine(below, "replaced"), Path.Combine(below, "renamed"), delta,
            Path.Combine(upper, "u"), Path.Combine(upper, "w"), target])
            Directory.CreateDirectory(path);
        foreach (var name in (string[])["changed", "removed", "hidden", "replaced/inner", "renamed/inner"])
            File.WriteAllText(Path.Combine(below, name), "below");
        if (Libc.MakeNodeAt(Libc.AtFdCwd, Path.Combine(delta, "hidden"), FileTypes.CharacterDevice, 0) != 0)
            return $"a whiteout cannot be made: {Errno.Text(Errno.Last)}";
        var errno = Mount([delta, below], Path.Combine(upper, "u"), Path.Combine(upper, "w"), target);
        if (errno != 0)
            return $"mount with {Options}: {Errno.Text(errno)}";
        File.WriteAllText(Path.Combine(target, "changed"), "above");
        File.Delete(Path.Combine(target, "removed"));
        Directory.Delete(Path.Combine(target, "replaced"), recursive: true);
        Directory.CreateDirectory(Path.Combine(target, "replaced"));
        if (_options.Contains("redirect_dir=on", StringComparison.Ordinal))
            Directory.Move(Path.Combine(target, "renamed"), Path.Combine(target, "elsewhere"));
        var seen = Directory.EnumerateFileSystemEntries(Path.Combine(target, "replaced")).Any()
            || File.Exists(Path.Combine(target, "hidden"));
        var spoiled = File.ReadAllText(Path.Combine(below, "changed")) != "below"
            || !File.Exists(Path.Combine(below, "removed"));
        return seen || spoiled ? $"an overlay with {Options} does not keep its layers apart" : null;
    }
}
