using System.Globalization;
using System.Runtime.InteropServices;
using Grpc.Core;

namespace NativeLink.Actors.Storage.Native;

/// <summary>Error numbers of Linux (errno(3)) and the faults they become.</summary>
internal static class Errno
{
    public const int NotPermitted = 1;
    public const int NotFound = 2;
    public const int Interrupted = 4;
    public const int Io = 5;
    public const int NoSuchAddress = 6;
    public const int WouldBlock = 11;
    public const int NoMemory = 12;
    public const int AccessDenied = 13;
    public const int Busy = 16;
    public const int Exists = 17;
    public const int CrossDevice = 18;
    public const int NotADirectory = 20;
    public const int Invalid = 22;
    public const int NoSpace = 28;
    public const int TooManyOpenOfAll = 23;
    public const int TooManyOpen = 24;
    public const int ReadOnlyFilesystem = 30;
    public const int TooManyLinks = 31;
    public const int NameTooLong = 36;
    public const int NotImplemented = 38;
    public const int NotEmpty = 39;
    public const int Loop = 40;
    public const int QuotaExceeded = 122;

    public static int Last => Marshal.GetLastPInvokeError();

    public static string Text(int errno) => string.Create(CultureInfo.InvariantCulture, $"{Marshal.GetPInvokeErrorMessage(errno)} (errno {errno})");

    public static bool IsFull(int errno) => errno is NoSpace or QuotaExceeded;

    /// <summary>This process or the machine has run short of descriptors or memory: that says nothing about what was to be opened.</summary>
    public static bool IsScarce(int errno) => errno is NoMemory or TooManyOpen or TooManyOpenOfAll or WouldBlock;

    public static bool IsFull(Exception error) => error switch
    {
        FaultException fault => fault.Fault is { Kind: FaultKind.Storage, Code: StatusCode.ResourceExhausted },
        IOException io => IsFull(FileCopy.ErrnoOf(io)),
        _ => false,
    };

    /// <summary>What a failed call on this disk becomes: a full disk is RESOURCE_EXHAUSTED, the rest has no code of its own.</summary>
    public static FaultException Fault(string what, int errno) => new(new Fault(
        FaultKind.Storage,
        IsFull(errno) ? $"{what}: the disk is full and nothing more can be evicted; free space or lower max_bytes" : $"{what}: {Text(errno)}")
    {
        Code = IsFull(errno) ? StatusCode.ResourceExhausted : null,
    });

    public static FaultException LastFault(string what) => Fault(what, Last);
}
