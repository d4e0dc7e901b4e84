namespace NativeLink.Actors.Cli;

/// <summary>
/// What the user asked for cannot be: printed as it is, exit code
/// <see cref="ExitCodes.Configuration"/>, nothing started.
/// </summary>
internal sealed class UsageException(string message) : Exception(message);
