namespace NativeLink.Actors.Worker.Connection;

/// <summary>What a worker does towards its scheduler.</summary>
public enum WorkerPhase
{
    /// <summary>Not registered: it tries, or waits before it tries again.</summary>
    Connecting,

    /// <summary>Registered, and takes actions.</summary>
    Serving,

    /// <summary>Registered, finishes what runs and refuses what is new; then it leaves.</summary>
    Draining,

    /// <summary>Its stream was lost; what ran in it is being ended.</summary>
    Closing,

    /// <summary>Not registered, because somebody asked for it or because it failed and failed.</summary>
    Paused,

    /// <summary>It has left for good.</summary>
    Ended,
}

internal static class WorkerPhases
{
    /// <summary>As metrics and health have it, for example <c>serving</c>.</summary>
    public static string Label(this WorkerPhase phase) => phase switch
    {
        WorkerPhase.Connecting => "connecting",
        WorkerPhase.Serving => "serving",
        WorkerPhase.Draining => "draining",
        WorkerPhase.Closing => "closing",
        WorkerPhase.Paused => "paused",
        _ => "ended",
    };
}
