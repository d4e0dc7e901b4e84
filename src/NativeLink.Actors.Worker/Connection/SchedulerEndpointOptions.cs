namespace NativeLink.Actors.Worker.Connection;

/// <summary>
/// A scheduler, and how it is spoken with: each protocol derives its own, so that whoever starts workers knows none
/// of them.
/// </summary>
public abstract record SchedulerEndpointOptions
{
    /// <summary>Where the scheduler is, for logs and summaries.</summary>
    public abstract Uri Address { get; }

    /// <summary>Makes the way to it for one worker; the caller's to dispose.</summary>
    public abstract ISchedulerLink CreateLink();
}
