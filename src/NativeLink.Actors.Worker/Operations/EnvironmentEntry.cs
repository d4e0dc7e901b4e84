namespace NativeLink.Actors.Worker.Operations;

/// <summary>A variable that the operator adds to every action's environment.</summary>
/// <param name="Argument">What <paramref name="Source"/> makes of it.</param>
public sealed record EnvironmentEntry(string Name, EnvironmentSource Source, string Argument = "");
