namespace NativeLink.Actors.Cli;

/// <summary>What this program's own exit codes mean. <c>exec</c> otherwise exits with the code of its action.</summary>
internal static class ExitCodes
{
    public const int Ok = 0;

    /// <summary>
    /// The command line or a configuration file is wrong, or
    /// this is not Linux on x64 or arm64; nothing was started.
    /// </summary>
    public const int Configuration = 2;

    /// <summary>The host stopped by itself, with a reason on stderr.</summary>
    public const int Stopped = 1;

    /// <summary>
    /// The executor failed, not the action (the habit of
    /// <c>env</c>, <c>timeout</c> and container runtimes).
    /// </summary>
    public const int ExecutorFailed = 125;

    /// <summary>SIGINT, or a second signal: everything was ended at once.</summary>
    public const int Interrupted = 130;

    /// <summary>SIGTERM, and the drain was cut by its bound.</summary>
    public const int DrainCut = 143;
}
