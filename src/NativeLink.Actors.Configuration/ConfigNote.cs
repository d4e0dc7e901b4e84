namespace NativeLink.Actors.Configuration;

/// <summary>
/// Something in a configuration file that is no mistake, but that its owner should know: a key that
/// is read and not used, an old form, a default that was taken.
/// </summary>
/// <param name="Path">Where it is, for example <c>workers[0].local.use_namespaces</c>.</param>
/// <param name="Line">From 1; 0 when the whole file is meant.</param>
/// <param name="Column">From 1; 0 when the whole file is meant.</param>
/// <param name="Message">What happens with it.</param>
internal sealed record ConfigNote(string Path, int Line, int Column, string Message)
{
    public override string ToString() => Line == 0 ? $"{Path}: {Message}" : $"{Line}:{Column} {Path}: {Message}";
}
