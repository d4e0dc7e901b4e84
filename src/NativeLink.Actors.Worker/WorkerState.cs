using NativeLink.Actors.Worker.Connection;

namespace NativeLink.Actors.Worker;

/// <summary>What one worker does towards its scheduler.</summary>
/// <param name="Name">As the configuration has it.</param>
/// <param name="Scheduler">Its scheduler's address.</param>
/// <param name="Phase">What it does.</param>
/// <param name="Id">The scheduler's id for it; empty unless it is registered.</param>
/// <param name="Reason">Why it is in this phase; empty where the phase says it all.</param>
/// <param name="Since">When the phase began.</param>
public sealed record WorkerState(
    string Name, Uri Scheduler, WorkerPhase Phase, WorkerId Id, string Reason, DateTimeOffset Since);
