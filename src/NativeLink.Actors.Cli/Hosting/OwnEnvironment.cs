// The one file of the one room that may read the environment; everything else gets it handed down.
#pragma warning disable RS0030
using System.Collections;
using System.Collections.Immutable;

namespace NativeLink.Actors.Cli.Hosting;

/// <summary>The environment of this process.</summary>
internal static class OwnEnvironment
{
    public static ImmutableDictionary<string, string> All() => Environment.GetEnvironmentVariables()
        .Cast<DictionaryEntry>()
        .ToImmutableDictionary(entry => (string)entry.Key, entry => entry.Value as string ?? "");

    /// <summary>The variable as it is; null only when it is unset.</summary>
    /// <exception cref="UsageException">It is not UTF-8.</exception>
    public static string? Variable(string name) =>
        OwnText.CheckVariable(name, Environment.GetEnvironmentVariable(name));

    /// <summary>Null when unset or empty.</summary>
    public static string? Get(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value
        ? value
        : null;

    /// <summary>
    /// Where data of no other address goes: <c>$XDG_CACHE_HOME/nativelink-actors</c>, else
    /// <c>~/.cache/nativelink-actors</c>.
    /// </summary>
    public static string DataDirectory()
    {
        var cache = Get("XDG_CACHE_HOME") is { } xdg && Path.IsPathRooted(xdg)
            ? xdg
            : Path.Combine(Get("HOME") ?? Path.GetTempPath(), ".cache");
        return Path.Combine(cache, "nativelink-actors");
    }
}
