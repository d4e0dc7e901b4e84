using System.Globalization;
using System.Runtime.InteropServices;

namespace NativeLink.Actors.Cli.Hosting;

/// <summary>
/// What the outside asks of this process: SIGTERM or SIGHUP once to finish, SIGINT or any second
/// signal to end now. SIGHUP is a terminal that has gone: nobody is left to send a second signal,
/// so what does not finish within a bound is ended.
/// </summary>
internal sealed class Signals : IDisposable
{
    private const int Hangup = 1;

    private readonly TaskCompletionSource _finish = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _end = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly PosixSignalRegistration[] _registrations;
    private readonly ITimer _hangUp;
    private readonly TimeSpan _hangUpBound;
    private bool _heard;

    /// <param name="hangUpBound">How long what runs may go on after SIGHUP.</param>
    public Signals(TimeProvider time, TimeSpan hangUpBound)
    {
        _hangUpBound = hangUpBound;
        _hangUp = time.CreateTimer(_ => _end.TrySetResult(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        var registrations = new List<PosixSignalRegistration>
        {
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => On(context, now: false)),
            PosixSignalRegistration.Create(PosixSignal.SIGINT, context => On(context, now: true)),
        };
        // Who starts a program with nohup(1) wants it to outlive the terminal: a handler here would undo that.
        if (!IsIgnored(Hangup))
            registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGHUP, OnHangUp));
        _registrations = [.. registrations];
    }

    /// <summary>Completes at the first SIGTERM or SIGHUP.</summary>
    public Task Finish => _finish.Task;

    /// <summary>Completes at SIGINT, or at the second signal.</summary>
    public Task End => _end.Task;

    /// <summary>
    /// As the first SIGTERM does, which may still come: what asks for a drain by HTTP, a
    /// container's hook for example, is followed by one.
    /// </summary>
    public void RequestFinish() => _finish.TrySetResult();

    private void OnHangUp(PosixSignalContext context)
    {
        On(context, now: false);
        _hangUp.Change(_hangUpBound, Timeout.InfiniteTimeSpan);
    }

    private void On(PosixSignalContext context, bool now)
    {
        // The runtime would otherwise leave at once, and processes of actions would stay behind.
        context.Cancel = true;
        if (now || Interlocked.Exchange(ref _heard, true))
            _end.TrySetResult();
        else
            _finish.TrySetResult();
    }

    // proc_pid_status(5): a mask of the ignored signals, of which 1 is the lowest bit.
    private static bool IsIgnored(int signal)
    {
        const string Field = "SigIgn:";
        var line = File.ReadLines("/proc/self/status")
            .FirstOrDefault(line => line.StartsWith(Field, StringComparison.Ordinal));
        return line is not null
            && ulong.TryParse(line.AsSpan(Field.Length).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture,
                out var mask)
            && (mask >> (signal - 1) & 1) != 0;
    }

    public void Dispose()
    {
        foreach (var registration in _registrations)
            registration.Dispose();
        _hangUp.Dispose();
    }
}
