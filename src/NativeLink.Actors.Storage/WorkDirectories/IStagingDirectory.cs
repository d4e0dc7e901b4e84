using NativeLink.Actors.Storage.Materialisers;

namespace NativeLink.Actors.Storage.WorkDirectories;

/// <summary>
/// Where the input root of one attempt is made: an <see cref="ActionDirectory"/>, or one in memory where there is to be
/// no disk.
/// </summary>
internal interface IStagingDirectory
{
    /// <inheritdoc cref="ActionDirectory.StageAsync"/>
    Task<IInputRoot> StageAsync(Func<string, Task<IInputRoot>> make);
}
