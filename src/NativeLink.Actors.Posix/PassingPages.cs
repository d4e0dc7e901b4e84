using Microsoft.Win32.SafeHandles;

namespace NativeLink.Actors.Posix;

/// <summary>
/// Lets the pages of a huge file that is read or written from its beginning to its end leave the
/// page cache behind whoever does it, so that one file does not push out what everybody else uses.
/// Files up to <see cref="HugeBytes"/> are left to the kernel: they are likely to be wanted again
/// soon.
/// </summary>
/// <remarks>
/// Nothing waits for the disk. What was written is handed to it window by window, and pages are
/// dropped some windows later, when most of them are clean; those that are not stay, and are
/// bounded by the kernel's own limit for dirty pages.
/// </remarks>
internal sealed class PassingPages
{
    public const long HugeBytes = 128L << 20;

    private const long Window = 8L << 20;

    // How far behind the writer pages are dropped.
    private const long Lag = 8 * Window;

    private readonly int _descriptor;
    private readonly bool _isWritten;
    private long _passed;
    private long _dropped;

    private PassingPages(SafeFileHandle file, bool isWritten) =>
        (_descriptor, _isWritten) = ((int)file.DangerousGetHandle(), isWritten);

    /// <summary>Null for a file that is not huge. The handle has to stay open while this is used.</summary>
    public static PassingPages? ForReading(SafeFileHandle file, long size) =>
        size > HugeBytes ? new PassingPages(file, isWritten: false) : null;

    /// <inheritdoc cref="ForReading"/>
    public static PassingPages? ForWriting(SafeFileHandle file, long size) =>
        size > HugeBytes ? new PassingPages(file, isWritten: true) : null;

    /// <summary>All before this offset has been read or written.</summary>
    public void Passed(long offset)
    {
        if (offset - _passed < Window)
            return;
        if (_isWritten)
            _ = Libc.SyncRange(_descriptor, _passed, offset - _passed, Libc.SyncRangeWrite);
        _passed = offset;
        var until = _isWritten ? offset - Lag : offset;
        if (until <= _dropped)
            return;
        _ = Libc.Advise(_descriptor, _dropped, until - _dropped, Libc.FadviseDontNeed);
        _dropped = until;
    }

    /// <summary>The end has been reached, in windows or at once.</summary>
    public void End()
    {
        const long ToTheEnd = 0;
        if (_isWritten)
            _ = Libc.SyncRange(_descriptor, _passed, ToTheEnd, Libc.SyncRangeWrite);
        // From the beginning: pages that were not clean when their turn came may be so by now.
        _ = Libc.Advise(_descriptor, 0, ToTheEnd, Libc.FadviseDontNeed);
    }
}
