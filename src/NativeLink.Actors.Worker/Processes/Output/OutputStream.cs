namespace NativeLink.Actors.Worker.Processes.Output;

/// <summary>
/// One of an action's two streams: a pipe, and the file that it is emptied into. A pipe keeps
/// everything in its order, also what is written through <c>/dev/stderr</c>: a file opened again by
/// that name has a position of its own, or is cut off.
/// </summary>
internal sealed unsafe class OutputStream
{
    private const int LeastDescriptor = 10; // Those below are what the child sets up.
    private const int UsualPipe = 1 << 16, LargePipe = 1 << 20;
    private const int ReadBytes = 1 << 14;

    private static readonly int Nowhere = Libc.OpenRetrying("/dev/null", OpenFlags.WriteOnly);

    private readonly SpoolFile _spool;
    private int _readEnd;
    private bool _grown;
    private bool _cannotSplice;

    private OutputStream(SpoolFile spool, int readEnd, int writeEnd) =>
        (_spool, _readEnd, WriteEnd) = (spool, readEnd, writeEnd);

    /// <summary>
    /// Stays open here, so that nothing wakes up only because
    /// an action has ended; -1 when nothing is to be kept.
    /// </summary>
    internal int WriteEnd { get; private set; }

    internal int ReadEnd => _readEnd;

    /// <summary>Why not all of it has been kept: an errno, or 0.</summary>
    internal int Error { get; set; }

    internal string Path => _spool.Path;

    private int Waiting => Libc.BytesWaiting(_readEnd);

    /// <summary>Done before it is needed: that moment may be one without descriptors.</summary>
    /// <exception cref="FaultException">Worker: it cannot be opened.</exception>
    internal static void OpenNowhere()
    {
        if (Nowhere < 0)
            throw new FaultException(FaultKind.Worker, $"cannot open /dev/null: {Errno.Message(-Nowhere)}");
    }

    /// <summary>With an empty path nothing of it is kept.</summary>
    /// <exception cref="FaultException">Worker: no pipe is to be had.</exception>
    internal static OutputStream Open(string path)
    {
        if (path.Length == 0) return new OutputStream(new SpoolFile(path), -1, -1);
        var ends = stackalloc int[2];
        if (Libc.Pipe(ends, OpenFlags.CloseOnExec) != 0) throw NoPipe(Errno.Last);
        for (var end = 0; end < 2; end++)
        {
            if (ends[end] >= LeastDescriptor) continue;
            var high = Libc.Fcntl(ends[end], FcntlCommand.DuplicateCloseOnExec, LeastDescriptor);
            var error = Errno.Last;
            _ = Libc.Close(ends[end]);
            ends[end] = high;
            if (high >= 0) continue;
            _ = Libc.Close(ends[1 - end]);
            throw NoPipe(error);
        }

        return new OutputStream(new SpoolFile(path), ends[0], ends[1]);
    }

    /// <summary>
    /// Moves what is there, at most so much, from the pipe to
    /// the file, or to nowhere once the file takes no more.
    /// </summary>
    /// <returns>Bytes moved.</returns>
    internal long Empty(long most)
    {
        long moved = 0;
        while (moved < most)
        {
            var target = Error == 0 ? _spool.Descriptor() : Nowhere;
            var step = target < 0 ? target : MoveTo(target, most - moved);
            if (step == 0 || step == -Errno.EAGAIN) break;
            if (step > 0) moved += step;
            else if (step == -Errno.EINVAL && !_cannotSplice) _cannotSplice = true;
            else if (Error == 0) Error = (int)-step;
            else break;
        }

        if (moved >= UsualPipe && !_grown) Grow();
        return moved;
    }

    /// <summary>Whether the file is where it should be.</summary>
    internal bool IsInPlace() => WriteEnd < 0 || Error != 0 || _spool.IsInPlace();

    /// <summary>Whether nothing is left to do that may take its time.</summary>
    internal bool IsSettled() => WriteEnd < 0 || (Waiting == 0 && IsInPlace());

    /// <summary>Keeps what is in the pipe now: whoever has escaped and still writes to it is not waited for.</summary>
    internal void Settle()
    {
        if (WriteEnd >= 0 && Waiting is > 0 and var left) Empty(left);
    }

    /// <summary>Puts back what the action has removed; takes as long as it takes to copy it.</summary>
    internal void PutBack()
    {
        if (!IsInPlace()) Error = _spool.PutBack();
    }

    internal void Close()
    {
        if (WriteEnd < 0) return;
        _ = Libc.Close(_readEnd);
        _ = Libc.Close(WriteEnd);
        (_readEnd, WriteEnd) = (-1, -1);
        _spool.Close();
    }

    /// <summary>Bytes moved, or a negative errno.</summary>
    private nint MoveTo(int target, long most)
    {
        if (_cannotSplice) return ReadAndWrite(target, most);
        var moved = Libc.Splice(_readEnd, null, target, null, (nuint)most, Libc.SpliceNonBlock);
        return moved >= 0 ? moved : -Interrupted(Errno.Last);
    }

    /// <summary>For file systems that cannot splice.</summary>
    private nint ReadAndWrite(int target, long most)
    {
        var buffer = stackalloc byte[ReadBytes];
        if (Waiting == 0) return 0;
        var got = Libc.Read(_readEnd, buffer, (nuint)Math.Min(most, ReadBytes));
        if (got <= 0) return got == 0 ? 0 : -Interrupted(Errno.Last);
        var error = SpoolFile.WriteAll(target, buffer, got);
        return error == 0 ? got : -error;
    }

    /// <summary>Who is interrupted looks again at the next round.</summary>
    private static int Interrupted(int error) => error == Errno.EINTR ? Errno.EAGAIN : error;

    /// <summary>
    /// Whoever fills a pipe has much to say: in a larger one he
    /// waits less often. It stays as it is where this user may not.
    /// </summary>
    private void Grow()
    {
        _grown = true;
        _ = Libc.Fcntl(_readEnd, FcntlCommand.SetPipeSize, LargePipe);
    }

    private static FaultException NoPipe(int error) =>
        new(FaultKind.Worker, $"cannot make a pipe for what the action says: {Errno.Message(error)}");
}
