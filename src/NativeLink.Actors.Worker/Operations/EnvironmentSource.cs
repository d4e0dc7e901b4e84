namespace NativeLink.Actors.Worker.Operations;

/// <summary>Where the value of a variable that the operator adds comes from (protos/README.md 4.3).</summary>
public enum EnvironmentSource
{
    /// <summary><see cref="EnvironmentEntry.Argument"/> is the text.</summary>
    Value,

    /// <summary><see cref="EnvironmentEntry.Argument"/> names a platform property of the action; empty when absent.</summary>
    Property,
    FromEnvironment,
    TimeoutMillis,
    SideChannelFile,
    ActionDirectory,
}
