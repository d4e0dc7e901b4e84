namespace NativeLink.Actors.Configuration;

/// <summary>One mistake in a configuration file.</summary>
/// <param name="Path">Where it is, for example <c>workers[0].local.max_inflight_tasks</c>.</param>
/// <param name="Line">From 1; 0 when the whole file is meant.</param>
/// <param name="Column">From 1; 0 when the whole file is meant.</param>
/// <param name="Message">What is wrong and what would be right.</param>
internal sealed record ConfigError(string Path, int Line, int Column, string Message)
{
    public override string ToString() => Line == 0 ? $"{Path}: {Message}" : $"{Line}:{Column} {Path}: {Message}";
}
