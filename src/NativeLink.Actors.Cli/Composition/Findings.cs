using System.Collections.Immutable;
using NativeLink.Actors.Configuration;
using NativeLink.Actors.Configuration.Model;

namespace NativeLink.Actors.Cli.Composition;

/// <summary>Collects what a composition finds, so that all of it can be said at once.</summary>
internal sealed class Findings
{
    private readonly List<ConfigError> _errors = [];
    private readonly List<ConfigNote> _notes = [];

    public ImmutableArray<ConfigError> Errors =>
        [.. _errors.Distinct().OrderBy(error => error.Line).ThenBy(error => error.Column)];

    public ImmutableArray<ConfigNote> Notes =>
        [.. _notes.Distinct().OrderBy(note => note.Line).ThenBy(note => note.Column)];

    public bool Failed => _errors.Count > 0;

    public void Error(ConfigPlace at, string message) => _errors.Add(at.Error(message));

    public void Note(ConfigPlace at, string message) => _notes.Add(at.Note(message));
}
