namespace NativeLink.Actors.Posix;

/// <summary>The commands of fcntl(2) (F_…) and what they take and answer.</summary>
internal static class FcntlCommand
{
    /// <summary>F_GETFD.</summary>
    public const int GetDescriptorFlags = 1;

    /// <summary>FD_CLOEXEC, the one flag of <see cref="GetDescriptorFlags"/>.</summary>
    public const int CloseOnExec = 1;

    /// <summary>F_SETSIG.</summary>
    public const int SetSignal = 10;

    /// <summary>F_SETLEASE.</summary>
    public const int SetLease = 1024;

    /// <summary>F_GETLEASE.</summary>
    public const int GetLease = 1025;

    /// <summary>F_RDLCK, for leases.</summary>
    public const int ReadLease = 0;

    /// <summary>F_DUPFD_CLOEXEC.</summary>
    public const int DuplicateCloseOnExec = 1030;

    /// <summary>F_SETPIPE_SZ.</summary>
    public const int SetPipeSize = 1031;
}
