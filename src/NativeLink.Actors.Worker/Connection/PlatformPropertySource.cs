using System.Collections.Immutable;

namespace NativeLink.Actors.Worker.Connection;

/// <summary>
/// A property to announce: either fixed values or a command
/// whose lines are the values, run at each connect.
/// </summary>
public sealed record PlatformPropertySource(string Name, ImmutableArray<string> Values, string? QueryCommand);
