using System.Collections.Immutable;
using System.CommandLine;
using System.Text.Json;
using Microsoft.Extensions.Configuration;
using NativeLink.Actors.Configuration.Values;

namespace NativeLink.Actors.Cli.Composition;

/// <summary>One of our own settings as somebody wrote it.</summary>
/// <param name="Where">For messages: the switch, the variable, or the key and its file.</param>
internal readonly record struct OwnSetting(string Where, string Text);

/// <summary>
/// Our own settings, which are no keys of NativeLink's file: each is a switch (<c>--drain-timeout</c>), else a variable
/// (<c>NLA_DRAIN_TIMEOUT</c>), else a key of a JSON file of ours (<c>drain_timeout</c>), which <c>--settings</c> or
/// <c>NLA_SETTINGS</c> names.
/// </summary>
internal sealed class OwnSettings
{
    public const string FileSwitch = "--settings";
    private const string Prefix = "NLA_";

    private readonly ParseResult _result;
    private readonly ImmutableDictionary<string, string> _environment;
    private readonly string _path;
    private readonly IConfigurationRoot? _file;

    private OwnSettings(
        ParseResult result, ImmutableDictionary<string, string> environment, string path, IConfigurationRoot? file) =>
        (_result, _environment, _path, _file) = (result, environment, path, file);

    /// <param name="known">All that there are, for a message about one that there is not.</param>
    /// <exception cref="UsageException">The file cannot be read, or has a key that is no setting.</exception>
    public static OwnSettings Read(ParseResult result, Option<string?> file, IEnumerable<Option> known,
        ImmutableDictionary<string, string> environment)
    {
        var path = result.GetValue(file) ?? environment.GetValueOrDefault(Prefix + "SETTINGS");
        if (string.IsNullOrEmpty(path))
            return new OwnSettings(result, environment, "", null);
        var read = Load(path);
        var keys = known.Select(static option => Key(option)).ToList();
        foreach (var entry in read.GetChildren())
        {
            if (!keys.Contains(entry.Key, StringComparer.OrdinalIgnoreCase))
                throw new UsageException(
                    $"{path}: '{entry.Key}' is no setting{Nearest.Suggest(entry.Key, keys)}");
        }
        return new OwnSettings(result, environment, path, read);
    }

    /// <summary>Null where nobody has set it.</summary>
    public OwnSetting? Find(Option<string?> option)
    {
        var (variable, key) = (Prefix + Key(option).ToUpperInvariant(), Key(option));
        if (_result.GetValue(option) is { } text)
            return new OwnSetting(option.Name, text);
        if (_environment.GetValueOrDefault(variable) is { Length: > 0 } value)
            return new OwnSetting(variable, value);
        if (_file?.GetSection(key) is not { } section || !section.Exists())
            return null;
        return section.Value is { } written
            ? new OwnSetting($"{_path}: {key}", written)
            : throw new UsageException($"{_path}: {key}: one value belongs there");
    }

    private static string Key(Option option) => option.Name.TrimStart('-').Replace('-', '_');

    private static IConfigurationRoot Load(string path)
    {
        try
        {
            using var file = File.OpenRead(path);
            return new ConfigurationBuilder().AddJsonStream(file).Build();
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new UsageException($"{FileSwitch} {path}: there is no such file");
        }
        catch (Exception error) when (error is InvalidDataException or FormatException or JsonException)
        {
            throw new UsageException($"{FileSwitch} {path}: {error.GetBaseException().Message}");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"{FileSwitch} {path}: {error.Message}");
        }
    }
}
