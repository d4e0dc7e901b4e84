namespace NativeLink.Actors.Worker.Processes.Output;

/// <summary>
/// Both streams of one process. Emptied by one thread
/// and closed by another: each step has them to itself.
/// </summary>
internal sealed class ActionOutput
{
    private readonly Lock _gate = new();
    private readonly OutputStream _stdout;
    private readonly OutputStream _stderr;
    private Action<Fault?>? _done;
    private bool _closed;
    private bool _told;

    private ActionOutput(OutputStream stdout, OutputStream stderr) => (_stdout, _stderr) = (stdout, stderr);

    /// <summary>Never used twice, also after the descriptors have been.</summary>
    internal long Number { get; set; }

    /// <summary>
    /// Called once, from the emptying thread, when
    /// something cannot be kept: the action need not go on.
    /// </summary>
    internal Action? Failed { get; set; }

    internal SpawnStreams ForChild => new(_stdout.WriteEnd, _stderr.WriteEnd);

    internal (int Stdout, int Stderr) ReadEnds => (_stdout.ReadEnd, _stderr.ReadEnd);

    /// <exception cref="FaultException">Worker: there are no pipes to be had.</exception>
    internal static ActionOutput Open(string stdoutPath, string stderrPath)
    {
        var stdout = OutputStream.Open(stdoutPath);
        try
        {
            return new ActionOutput(stdout, OutputStream.Open(stderrPath));
        }
        catch
        {
            stdout.Close();
            throw;
        }
    }

    /// <summary>Moves at most so much of one stream into its file.</summary>
    internal long Empty(bool stderr, long most)
    {
        long moved;
        bool tell;
        // Whoever holds it ends the output, which may take long, or finds at once that it is not yet time.
        if (!_gate.TryEnter()) return 0;
        try
        {
            if (_closed) return 0;
            var stream = stderr ? _stderr : _stdout;
            moved = stream.Empty(most);
            tell = stream.Error != 0 && !_told;
            _told |= tell;
        }
        finally
        {
            _gate.Exit();
        }

        if (tell) Failed?.Invoke();
        return moved;
    }

    /// <summary>
    /// Ends both at once if that takes no time: nothing is left in the pipes and nobody is emptying
    /// them. Else nothing has been done.
    /// </summary>
    internal bool TryFinish(Action<ActionOutput> beforeClosing, out Fault? fault)
    {
        fault = null;
        if (!_gate.TryEnter()) return false;
        try
        {
            if (_closed) return true;
            if (!_stdout.IsSettled() || !_stderr.IsSettled()) return false;
            fault = Close(beforeClosing);
            return true;
        }
        finally
        {
            _gate.Exit();
        }
    }

    /// <summary>Says that the pipes cannot be watched.</summary>
    internal void Refuse(int error)
    {
        lock (_gate) (_stdout.Error, _told) = (error, true);
    }

    /// <summary>Remembers what to do with the outcome, for <see cref="Finish"/>.</summary>
    internal void FinishLater(Action<Fault?> done) => _done = done;

    /// <summary>
    /// Keeps what is left in the pipes, ends both and tells the outcome, unless more is to be done
    /// than the emptying thread has time for.
    /// </summary>
    internal bool TryFinishWithRest(Action<ActionOutput> beforeClosing)
    {
        Fault? fault;
        lock (_gate)
        {
            if (_closed) return true;
            _stdout.Settle();
            _stderr.Settle();
            if (!_stdout.IsInPlace() || !_stderr.IsInPlace()) return false;
            fault = Close(beforeClosing);
        }

        _done?.Invoke(fault);
        return true;
    }

    /// <summary>The same, however long it takes.</summary>
    internal void Finish(Action<ActionOutput> beforeClosing)
    {
        Fault? fault;
        lock (_gate)
        {
            if (_closed) return;
            // First, so that the emptying thread is not told over and over of what it cannot have meanwhile.
            beforeClosing(this);
            _stdout.Settle();
            _stderr.Settle();
            _stdout.PutBack();
            _stderr.PutBack();
            fault = Close(beforeClosing);
        }

        _done?.Invoke(fault);
    }

    /// <summary>Nothing more is taken out of the pipes; their descriptors are still this output's meanwhile.</summary>
    internal void Leave(Action<ActionOutput> unwatch)
    {
        lock (_gate)
        {
            if (!_closed) unwatch(this);
        }
    }

    /// <summary>Ends both without keeping anything.</summary>
    internal void Discard(Action<ActionOutput> beforeClosing)
    {
        lock (_gate)
        {
            if (!_closed) Close(beforeClosing);
        }
    }

    /// <summary>Tells that it cannot be said whether all has been kept.</summary>
    internal void Abandon(Exception error) =>
        _done?.Invoke(new Fault(FaultKind.Worker, $"what the action said could not be kept: {error.Message}"));

    private Fault? Close(Action<ActionOutput> beforeClosing)
    {
        _closed = true;
        beforeClosing(this);
        _stdout.Close();
        _stderr.Close();
        return FaultOf("stdout", _stdout) ?? FaultOf("stderr", _stderr);
    }

    private static Fault? FaultOf(string name, OutputStream stream) => stream.Error == 0
        ? null
        : new Fault(
            FaultKind.Worker,
            $"the action's {name} cannot be kept in {stream.Path}: {Errno.Message(stream.Error)}")
        {
            Code =
                Grpc.Core.StatusCode.ResourceExhausted
        };
}
