namespace NativeLink.Actors.Configuration.Syntax;

/// <summary>
/// Writes the path of a member: <c>local.name</c>, or <c>platform_properties["container-image"]</c>
/// where the key is no plain name.
/// </summary>
internal static class ConfigPaths
{
    public static string Member(string parent, string key)
    {
        var plain = key.Length > 0 && key.All(c => char.IsLetterOrDigit(c) || c == '_');
        if (!plain)
            return $"{parent}[\"{key}\"]";
        return parent.Length == 0 ? key : $"{parent}.{key}";
    }
}
