using Grpc.Core;

namespace NativeLink.Actors.Posix;

/// <summary>
/// What a failed call on this disk becomes: a full disk is RESOURCE_EXHAUSTED, a process or a machine without
/// descriptors or memory UNAVAILABLE (a later try may succeed); the rest has no code of its own.
/// </summary>
internal static class DiskFault
{
    /// <param name="what">What could not be done, with the path.</param>
    public static FaultException Of(string what, int errno) => new(new Fault(
        FaultKind.Storage,
        Errno.IsFull(errno)
            ? $"{what}: the disk is full and nothing more can be evicted; free space or lower max_bytes"
            : $"{what}: {Errno.Text(errno)}")
    {
        Code = Errno.IsFull(errno) ? StatusCode.ResourceExhausted
            : Errno.IsScarce(errno) ? StatusCode.Unavailable : null,
    });

    /// <summary>The same for <see cref="Errno.Last"/>.</summary>
    public static FaultException Last(string what) => Of(what, Errno.Last);

    /// <summary>Whether an exception, of ours or of .NET's, says that the disk is full.</summary>
    public static bool IsFull(Exception error) => error switch
    {
        FaultException fault => fault.Fault is { Kind: FaultKind.Storage, Code: StatusCode.ResourceExhausted },
        IOException io => Errno.IsFull(Errno.Of(io)),
        _ => false,
    };
}
