using System.Collections.Immutable;
using NativeLink.Actors.Configuration;
using NativeLink.Actors.Configuration.Model;

namespace NativeLink.Actors.Cli.Hosting;

/// <summary>A configuration file from its path to its model, with every mistake told at once.</summary>
public static class ConfigFile
{
    /// <exception cref="UsageException">It cannot be read.</exception>
    public static string Read(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"the configuration file '{path}' cannot be read: {(Directory.Exists(path) ? "it is a directory" : Reasons.Of(error))}{NoCommand(path)}");
        }
    }

    /// <exception cref="UsageException">It cannot be read, or something in it is wrong; the message holds every mistake.</exception>
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

    private static string NoCommand(string path) =>
        File.Exists(path) || path.Contains('/', StringComparison.Ordinal) || path.Contains('.', StringComparison.Ordinal) ? "" : ", and it is no command either: see --help";

    /// <summary>Every mistake on a line of its own, with file, line and column, and their number at the end.</summary>
    public static string Summary(string path, ImmutableArray<ConfigError> errors) =>
        string.Concat(errors.Select(error => error.Line > 0 ? $"{path}:{error}\n" : $"{error}\n"))
        + (errors.Length == 1 ? $"1 mistake in {path}" : $"{errors.Length} mistakes in {path}");
}
