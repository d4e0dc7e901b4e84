namespace NativeLink.Actors.Worker.Operations;

/// <summary>Where the value of a variable that the operator adds comes from (protos/README.md 4.3).</summary>
public enum EnvironmentSource
{
    /// <summary><see cref="EnvironmentEntry.Argument"/> is the text.</summary>
    Value,

    /// <summary>
    /// <see cref="EnvironmentEntry.Argument"/> names a
    /// platform property of the action; empty when absent.
    /// </summary>
    Property,
    /// <summary>
    /// The variable of the same name in <see cref="ExecutorOptions.OwnEnvironment"/>; empty when absent.
    /// </summary>
    FromEnvironment,
    /// <summary>
    /// The timeout that the action asked for in whole milliseconds; the worker's maximum when it asked for none.
    /// </summary>
    TimeoutMillis,
    /// <summary>
    /// Absolute path of a file that a wrapper may write to tell more than an exit code does (protos/README.md 4.4); it
    /// is not there at first.
    /// </summary>
    SideChannelFile,
    /// <summary>Absolute path of the attempt's own directory, which holds <c>work</c>, the input root.</summary>
    ActionDirectory,
}
