using System.Collections.Immutable;
using System.Text;
using NativeLink.Actors.Configuration;
using NativeLink.Actors.Configuration.Model;

namespace NativeLink.Actors.Cli.Hosting;

/// <summary>A configuration file from its path to its model, with every mistake told at once.</summary>
internal static class ConfigFile
{
    private const int MostCharacters = 4 << 20;

    /// <exception cref="UsageException">It cannot be read.</exception>
    public static string Read(string path)
    {
        try
        {
            return Whole(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UsageException(
                $"the configuration file '{path}' cannot be read: " +
                $"{(Directory.Exists(path) ? "it is a directory" : Reasons.Of(error))}{NoCommand(path)}");
        }
    }

    /// <exception cref="UsageException">It cannot be read, or something in it is wrong; the message
    /// holds every mistake.</exception>
    public static (NativeLinkConfig Model, ImmutableArray<ConfigNote> Notes) Load(string path)
    {
        var result = ConfigLoader.Load(Read(path), path, OwnEnvironment.Variable);
        RefuseMistakes(path, result.Errors);
        return (result.Model!, result.Notes);
    }

    /// <exception cref="UsageException">There is any mistake; the message holds them all.</exception>
    public static void RefuseMistakes(string path, ImmutableArray<ConfigError> errors)
    {
        if (!errors.IsEmpty)
            throw new UsageException($"{Summary(path, errors)}; nothing was started");
    }

    /// <summary>With the file's path once: what concerns the whole file has it already.</summary>
    public static string Shown(string path, ConfigNote note) => note.Line > 0 ? $"{path}:{note}" : note.ToString();

    /// <summary>A device or a disk image named by mistake would fill the memory.</summary>
    private static string Whole(string path)
    {
        using var reader = new StreamReader(path);
        var (text, piece) = (new StringBuilder(), new char[4096]);
        while (reader.Read(piece) is > 0 and var read)
        {
            if (text.Append(piece, 0, read).Length > MostCharacters)
                throw new UsageException(
                    $"the configuration file '{path}' cannot be read: it has more than {MostCharacters} characters, " +
                    "so it is none");
        }
        return text.ToString();
    }

    private static string NoCommand(string path) =>
        File.Exists(path) || path.Contains('/', StringComparison.Ordinal)
            || path.Contains('.', StringComparison.Ordinal) ? "" : ", and it is no command either: see --help";

    /// <summary>Every mistake on a line of its own, with file, line and column, and their number at the end.</summary>
    public static string Summary(string path, ImmutableArray<ConfigError> errors) =>
        string.Concat(errors.Select(error => error.Line > 0 ? $"{path}:{error}\n" : $"{error}\n"))
        + (errors.Length == 1 ? $"1 mistake in {path}" : $"{errors.Length} mistakes in {path}");
}
