using System.Collections.Immutable;
using NativeLink.Actors.Configuration.Reading;
using NativeLink.Actors.Configuration.Syntax;
using NativeLink.Actors.Configuration.Validation;

namespace NativeLink.Actors.Configuration;

/// <summary>Reads a NativeLink configuration file: JSON5 text in, checked records out (protos/README.md 5).</summary>
internal static class ConfigLoader
{
    /// <summary>
    /// Reads and checks the text. Never throws for what is in
    /// it: every mistake is in the result, each with its place.
    /// </summary>
    /// <param name="text">The file's content.</param>
    /// <param name="fileName">For messages about the file as a whole.</param>
    /// <param name="variables">Gives the value of an environment variable, null when it is not set.</param>
    public static ConfigLoadResult Load(string text, string fileName, Func<string, string?> variables)
    {
        Node root;
        try
        {
            root = Json5Document.Parse(text);
        }
        catch (SyntaxException error)
        {
            return new ConfigLoadResult(null, [error.Error with { Path = fileName }], []);
        }

        var context = new ReadContext(variables);
        var config = ConfigReader.Read(context, root);
        StoreChecks.Check(context, config);
        WorkerChecks.Check(context, config);
        ServerChecks.Check(context, config);
        if (config.Workers.IsEmpty && context.Errors.Count == 0)
            context.Notes.Add(new ConfigNote(fileName, 0, 0,
                "this file has no worker: there is nothing that a worker could be started from"));
        var errors = context.Errors.Distinct().OrderBy(error => error.Line).ThenBy(error => error.Column)
            .ToImmutableArray();
        var notes = context.Notes.Distinct().OrderBy(note => note.Line).ThenBy(note => note.Column).ToImmutableArray();
        return new ConfigLoadResult(errors.IsEmpty ? config : null, errors, notes);
    }
}
