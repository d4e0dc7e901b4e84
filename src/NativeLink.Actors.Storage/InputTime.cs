namespace NativeLink.Actors.Storage;

/// <summary>
/// The modification time of everything that is an input and asks for no other: 2000-01-01 UTC. An
/// action must not see when a blob came to this machine: make would take what is up to date for
/// old. Not 0, because a zip archive knows no time before 1980. Blobs have it in the store already,
/// because a tree's files are links to them; a directory has it until somebody adds, removes or
/// renames something in it.
/// </summary>
internal static unsafe class InputTime
{
    public const long Seconds = 946_684_800;

    internal const long Nanoseconds = Seconds * 1_000_000_000;

    /// <summary>Sets it on an open file or directory (futimens(3)); the access time stays.</summary>
    internal static int Set(int descriptor)
    {
        var times = stackalloc TimeSpec[2];
        Fill(times);
        return Libc.SetTimes(descriptor, times);
    }

    /// <summary>Sets it by name, on a symbolic link itself.</summary>
    internal static int SetAt(int directory, string name)
    {
        var times = stackalloc TimeSpec[2];
        Fill(times);
        return Libc.SetTimesAt(directory, name, times, Libc.AtSymlinkNoFollow);
    }

    /// <summary>
    /// Sets it on what was made beside the inputs for the action, such as the directory of an
    /// output, and on the directory that holds it.
    /// </summary>
    /// <returns>Null, or what failed.</returns>
    public static string? SetOnNew(string path) =>
        SetAt(Libc.AtFdCwd, path) == 0 && SetAt(Libc.AtFdCwd, Path.GetDirectoryName(path)!) == 0
            ? null
            : Errno.Text(Errno.Last);

    private static void Fill(TimeSpec* times)
    {
        times[0] = new TimeSpec { Nanoseconds = TimeSpec.Omit };
        times[1] = new TimeSpec { Seconds = Seconds };
    }
}
