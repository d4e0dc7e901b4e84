using System.Collections.Immutable;
using System.Globalization;
using NativeLink.Actors.Worker.Processes;

namespace NativeLink.Actors.Worker.Operations;

/// <summary>
/// What to run and how, computed from the action, its command
/// and the worker's options alone: no disk, no clock.
/// </summary>
internal sealed class ActionPlan
{
    private readonly Reapi.Command _command;
    private readonly ExecutorOptions _options;
    private readonly ImmutableArray<Reapi.Platform> _platforms;

    private ActionPlan(
        Reapi.Command command, ExecutorOptions options, ImmutableArray<Reapi.Platform> platforms, ActionTimeout timeout)
    {
        (_command, _options, _platforms, Timeout) = (command, options, platforms, timeout);
        WorkingDirectory = CommandPaths.WorkingDirectory(command);
        OutputParents = [.. CommandPaths.Parents(command)];
    }

    public ActionTimeout Timeout { get; }

    /// <summary>Relative to the input root; empty for the root itself.</summary>
    public string WorkingDirectory { get; }

    /// <summary>Directories to make before the command runs, relative to the input root.</summary>
    public ImmutableArray<string> OutputParents { get; }

    /// <summary>
    /// Whether a wrapper has been told of a side channel;
    /// what lies there otherwise is nobody's word.
    /// </summary>
    public bool HasSideChannel => _options.AdditionalEnvironment.Any(
        static entry => entry.Source == EnvironmentSource.SideChannelFile);

    /// <summary>Checks everything that can be checked before anything is made.</summary>
    /// <exception cref="FaultException">Action: no arguments, a
    /// timeout or a path that cannot be; says which.</exception>
    public static ActionPlan Create(
        ActionAssignment assignment, Reapi.Action action, Reapi.Command command, ExecutorOptions options)
    {
        if (command.Arguments.Count == 0 || command.Arguments[0].Length == 0)
            throw new FaultException(FaultKind.Action, "the command has no arguments: there is no program to run");
        foreach (var variable in command.EnvironmentVariables)
        {
            if (variable.Name.Length == 0 || variable.Name.Contains('=', StringComparison.Ordinal)
                || HasNul(variable.Name) || HasNul(variable.Value))
                throw new FaultException(
                    FaultKind.Action,
                    $"environment variable '{variable.Name}' is not one: its name is empty or has '=' in it, " +
                    "or there is a NUL");
        }
        if (command.Arguments.Any(HasNul))
            throw new FaultException(FaultKind.Action, "an argument of the command has a NUL in it");
        var timeout = ActionTimeout.Choose(action.Timeout, options.MaxActionTimeout, options.TimeoutHandledExternally);
#pragma warning disable CS0612 // Older clients have the platform in the command only.
        var older = command.Platform ?? new Reapi.Platform();
#pragma warning restore CS0612
        // Property modifiers of the scheduler come first.
        return new ActionPlan(command, options, [assignment.Platform, action.Platform ?? new Reapi.Platform(), older],
            timeout);
    }

    /// <summary>The process of the action.</summary>
    /// <param name="directory">Where its files are.</param>
    /// <param name="workingDirectory">Absolute path.</param>
    public ProcessPlan ToProcess(IActionDirectory directory, string workingDirectory)
    {
        IEnumerable<string> entrypoint = _options.Entrypoint.Length > 0 ? [_options.Entrypoint] : [];
        return new ProcessPlan(
            [.. entrypoint, .. _command.Arguments], Environment(
                directory), workingDirectory, directory.StdoutPath, directory.StderrPath);
    }

    private List<KeyValuePair<string, string>> Environment(IActionDirectory directory)
    {
        var variables = new OrderedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var entry in _options.AdditionalEnvironment)
        {
            variables[entry.Name] = entry.Source switch
            {
                EnvironmentSource.TimeoutMillis =>
                    ((long)Timeout.Wanted.TotalMilliseconds).ToString(CultureInfo.InvariantCulture),
                EnvironmentSource.SideChannelFile => directory.SideChannelPath,
                EnvironmentSource.ActionDirectory => directory.Path,
                _ => FixedValue(entry, _options, _platforms),
            };
        }
        foreach (var variable in _command.EnvironmentVariables)
            variables[variable.Name] = variable.Value;
        return [.. variables];
    }

    /// <summary>
    /// The value of an entry that does not depend on a directory: <c>value</c>,
    /// <c>from_environment</c> or <c>property</c>.
    /// </summary>
    internal static string FixedValue(EnvironmentEntry entry, ExecutorOptions options,
        ImmutableArray<Reapi.Platform> platforms) => entry.Source switch
        {
            EnvironmentSource.Value => entry.Argument,
            EnvironmentSource.FromEnvironment => options.OwnEnvironment.GetValueOrDefault(entry.Name, ""),
            _ => platforms.SelectMany(platform => platform.Properties)
                .FirstOrDefault(property => property.Name == entry.Argument)?.Value ?? "",
        };

    private static bool HasNul(string text) => text.Contains('\0', StringComparison.Ordinal);
}
