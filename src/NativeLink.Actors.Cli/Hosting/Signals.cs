using System.Runtime.InteropServices;

namespace NativeLink.Actors.Cli.Hosting;

/// <summary>What the outside asks of this process: SIGTERM once to finish, SIGINT or any second signal to end now.</summary>
public sealed class Signals : IDisposable
{
    private readonly TaskCompletionSource _finish = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _end = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly PosixSignalRegistration[] _registrations;

    public Signals() => _registrations =
    [
        PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => On(context, now: false)),
        PosixSignalRegistration.Create(PosixSignal.SIGINT, context => On(context, now: true)),
    ];

    /// <summary>Completes at the first SIGTERM.</summary>
    public Task Finish => _finish.Task;

    /// <summary>Completes at SIGINT, or at the second signal.</summary>
    public Task End => _end.Task;

    private void On(PosixSignalContext context, bool now)
    {
        // The runtime would otherwise leave at once, and processes of actions would stay behind.
        context.Cancel = true;
        if (now || !_finish.TrySetResult())
            _end.TrySetResult();
    }

    public void Dispose()
    {
        foreach (var registration in _registrations)
            registration.Dispose();
    }
}
