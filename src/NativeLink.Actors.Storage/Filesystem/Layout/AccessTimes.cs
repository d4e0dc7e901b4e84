namespace NativeLink.Actors.Storage.Filesystem.Layout;

/// <summary>
/// The times of a blob's file, in which its last use
/// is kept for the next run and for other processes.
/// </summary>
internal static class AccessTimes
{
    public static DateTimeOffset TimeOf(StatxTime time)
    {
        var seconds = Math.Clamp(time.Seconds, 0, 253_402_300_000);
        return DateTimeOffset.FromUnixTimeSeconds(seconds).AddTicks(time.Nanoseconds / 100);
    }

    /// <summary>Writes a use into the file's access time, where the next run and other processes find it.</summary>
    public static unsafe void PersistUse(StorePaths paths, in Digest key, DateTimeOffset now)
    {
        var times = stackalloc TimeSpec[2];
        times[0] = new TimeSpec { Seconds = now.ToUnixTimeSeconds(), Nanoseconds = 0 };
        times[1] = new TimeSpec { Seconds = 0, Nanoseconds = TimeSpec.Omit };
        _ = Libc.SetTimesAt(paths.BlobDescriptor, StorePaths.NameOf(key), times, Libc.AtSymlinkNoFollow);
    }
}
