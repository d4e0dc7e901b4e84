namespace NativeLink.Actors.Worker.Processes;

/// <summary>What wait4(2) tells about a process and those it has waited for (getrusage(2), struct rusage).</summary>
/// <param name="MostResidentKiB"> <c>ru_maxrss</c>. After a vfork it also counts what the spawning
/// process held at its peak (the kernel carries the old image's mark over exec). </param>
/// <param name="MinorFaults">Page faults without input or output: each maps one page or a few.</param>
internal readonly record struct RootUsage(TimeSpan CpuTime, long MostResidentKiB, long MinorFaults)
{
    /// <summary>
    /// The kernel counts resident pages on each processor and adds them up later, so that two of
    /// its figures for the same moment differ a little.
    /// </summary>
    private const long SlackKiB = 4096;

    internal static unsafe RootUsage From(long* words) => new(Cpu(words), words[4], words[8]);

    internal static unsafe TimeSpan Cpu(long* words) =>
        TimeSpan.FromMicroseconds(((words[0] + words[2]) * 1_000_000) + words[1] + words[3]);

    /// <summary>
    /// The largest resident set that is known of a tree. Where <c>ru_maxrss</c> is above what this
    /// process itself ever held it is the child's own; below that it is only a bound, and the pages
    /// that were touched are the better figure for what lived too short to be sampled.
    /// </summary>
    internal long PeakKiB(long sampledKiB, long ownPeakKiB)
    {
        if (MostResidentKiB > ownPeakKiB + SlackKiB) return Math.Max(sampledKiB, MostResidentKiB);
        return Math.Max(sampledKiB, Math.Min(MostResidentKiB, MinorFaults * (Environment.SystemPageSize / 1024)));
    }
}
