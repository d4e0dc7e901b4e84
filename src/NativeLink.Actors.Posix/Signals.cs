namespace NativeLink.Actors.Posix;

/// <summary>Numbers of signals (signal(7)), the same on x64 and arm64.</summary>
internal static class Signals
{
    /// <summary>SIGKILL.</summary>
    public const int Kill = 9;

    /// <summary>SIGCHLD.</summary>
    public const int Child = 17;

    /// <summary>SIGSTOP.</summary>
    public const int Stop = 19;

    /// <summary>SIGURG, which is ignored unless somebody handles it.</summary>
    public const int Urgent = 23;

    /// <summary>SIGXFSZ: a write beyond RLIMIT_FSIZE.</summary>
    public const int FileSizeExceeded = 25;
}
