using System.Runtime.InteropServices;

namespace NativeLink.Actors.Posix;

/// <content>Processes and threads: what they may do, what ends them, and how they ended.</content>
internal static unsafe partial class Libc
{
    /// <summary>wait4(2), WNOHANG.</summary>
    public const int WaitNoHang = 1;

    /// <summary>
    /// struct rusage has 18 words on both machines: user and system time (2 words each), then the largest resident
    /// set, …
    /// </summary>
    public const int UsageWords = 18;

    /// <summary>prctl(2), PR_…; those of the ambient set are its second arguments (PR_CAP_AMBIENT_…).</summary>
    public const int PrSetChildSubreaper = 36, PrGetChildSubreaper = 37, PrCapBoundingDrop = 24, PrCapAmbient = 47,
        PrCapAmbientRaise = 2, PrCapAmbientClearAll = 4;

    /// <summary>_LINUX_CAPABILITY_VERSION_3 (capget(2)).</summary>
    public const uint CapabilityVersion3 = 0x20080522;

    /// <summary>CAP_SYS_ADMIN (capabilities(7)).</summary>
    public const int CapSysAdmin = 21;

    /// <summary>capget(2) with the header of version 3 and two times three words.</summary>
    [LibraryImport(Library, EntryPoint = "capget", SetLastError = true)]
    public static partial int CapabilitiesGet(uint* header, uint* words);

    /// <summary>capset(2), as <see cref="CapabilitiesGet"/>.</summary>
    [LibraryImport(Library, EntryPoint = "capset", SetLastError = true)]
    public static partial int CapabilitiesSet(uint* header, uint* words);

    /// <summary>setenv(3): in the C library's own environment, which an exec hands on; not in .NET's copy.</summary>
    [LibraryImport(Library, EntryPoint = "setenv", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int SetVariable(string name, string value, int overwrite);

    /// <summary>execv(3); comes back only when it fails.</summary>
    [LibraryImport(Library, EntryPoint = "execv", SetLastError = true)]
    public static partial int Execute(byte* path, byte** arguments);

    /// <summary>gettid(2).</summary>
    [LibraryImport(Library, EntryPoint = "gettid")]
    public static partial int ThreadId();

    /// <summary>getppid(2).</summary>
    [LibraryImport(Library, EntryPoint = "getppid")]
    public static partial int ParentId();

    /// <summary>umask(2).</summary>
    [LibraryImport(Library, EntryPoint = "umask")]
    public static partial uint UMask(uint mask);

    /// <summary>unshare(2) with <see cref="CloneFlags"/>.</summary>
    [LibraryImport(Library, EntryPoint = "unshare", SetLastError = true)]
    public static partial int Unshare(int flags);

    /// <summary>prctl(2).</summary>
    [LibraryImport(Library, EntryPoint = "prctl", SetLastError = true)]
    public static partial int ProcessControl(int option, nuint two, nuint three, nuint four, nuint five);

    /// <summary>prlimit(2).</summary>
    /// <param name="pid">0 for this process.</param>
    [LibraryImport(Library, EntryPoint = "prlimit64", SetLastError = true)]
    public static partial int ProcessLimit(int pid, int resource, ResourceLimit* replacement, ResourceLimit* current);

    /// <summary>kill(2).</summary>
    [LibraryImport(Library, EntryPoint = "kill", SetLastError = true)]
    public static partial int SendSignal(int pid, int signal);

    /// <summary>
    /// pidfd_send_signal(2): never another process than the one meant, whose number may have been used again; 0 or -1.
    /// </summary>
    public static int SendSignalTo(int pidfd, int signal) =>
        pidfd < 0 ? -1 : (int)SystemCall(SystemCalls.PidfdSendSignal, pidfd, signal, 0, 0);

    /// <summary>pidfd_open(2), close-on-exec by itself; readable once the process has ended.</summary>
    public static int PidfdOpen(int pid) => (int)SystemCall(SystemCalls.PidfdOpen, pid, 0, 0, 0);

    /// <summary>wait4(2).</summary>
    /// <param name="usage">Null, or <see cref="UsageWords"/> words.</param>
    [LibraryImport(Library, EntryPoint = "wait4", SetLastError = true)]
    public static partial int Wait(int pid, int* status, int options, long* usage);

    [LibraryImport(Library, EntryPoint = "signal", SetLastError = true)]
    private static partial nint Signal(int number, nint handler);

    /// <summary>
    /// signal(2) with SIG_IGN. A child has the same until it executes a program, and then too unless it is set back.
    /// </summary>
    public static void IgnoreSignal(int number)
    {
        const nint Ignore = 1;
        _ = Signal(number, Ignore);
    }

    [LibraryImport(Library, EntryPoint = "setpriority", SetLastError = true)]
    private static partial int SetPriority(int which, int who, int priority);

    /// <summary>
    /// Lets the calling thread have the processor (nice 19) and the disk (ioprio_set(2), idle class) only when nobody
    /// else wants them.
    /// </summary>
    public static void LowerPriority()
    {
        const int IdleClass = 3 << 13, OneProcess = 1;
        _ = SetPriority(0, 0, 19);
        _ = SystemCall(SystemCalls.IoPrioritySet, OneProcess, 0, IdleClass, 0);
    }
}
