namespace NativeLink.Actors.Configuration.Model;

/// <summary>A place in the file.</summary>
/// <param name="Path">For example <c>stores[1].fast_slow.fast</c>.</param>
/// <param name="Line">From 1.</param>
/// <param name="Column">From 1.</param>
internal sealed record ConfigPlace(string Path, int Line, int Column)
{
    /// <summary>The place of something that the file does not write down.</summary>
    public static ConfigPlace WholeFile { get; } = new("(file)", 0, 0);

    public ConfigError Error(string message) => new(Path, Line, Column, message);

    public ConfigNote Note(string message) => new(Path, Line, Column, message);
}

/// <summary>
/// A part of the configuration that knows where it was
/// written, so that a later check can point there.
/// </summary>
internal abstract record ConfigItem
{
    public ConfigPlace At { get; init; } = ConfigPlace.WholeFile;
}
