namespace NativeLink.Actors.Configuration.Syntax;

/// <summary>The text is not JSON5 that can be read. Caught by the loader.</summary>
internal sealed class SyntaxException(ConfigError error) : Exception(error.Message)
{
    public ConfigError Error { get; } = error;
}
