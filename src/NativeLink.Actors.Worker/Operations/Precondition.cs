using NativeLink.Actors.Worker.Processes;

namespace NativeLink.Actors.Worker.Operations;

/// <summary>The precondition script as a process (wire contract 4.2, step 1).</summary>
internal static class Precondition
{
    /// <summary>
    /// The script with its environment: what the operator configured of kinds that need no action directory, and, of our own, <c>OPERATION_ID</c>,
    /// <c>ACTION_DIGEST</c> (<c>hash/size</c>) and <c>PLATFORM_{name}</c> for each platform property. The operator's entries win.
    /// </summary>
    /// <exception cref="FormatException">The script cannot be split into words.</exception>
    public static ProcessPlan Plan(string script, ActionAssignment assignment, WorkerOptions options, string stdoutPath, string stderrPath)
    {
        var variables = new OrderedDictionary<string, string>(StringComparer.Ordinal)
        {
            ["OPERATION_ID"] = assignment.Id.Value,
            ["ACTION_DIGEST"] = assignment.Action.ToString(),
        };
        foreach (var property in assignment.Platform.Properties)
            variables["PLATFORM_" + VariableName(property.Name)] = property.Value;
        foreach (var entry in options.AdditionalEnvironment)
        {
            if (entry.Source is EnvironmentSource.Value or EnvironmentSource.FromEnvironment or EnvironmentSource.Property)
                variables[entry.Name] = ActionPlan.FixedValue(entry, options, [assignment.Platform]);
        }
        return new ProcessPlan(ShellWords.Split(script), [.. variables], Environment.CurrentDirectory, stdoutPath, stderrPath);
    }

    private static string VariableName(string property) =>
        string.Concat(property.Select(letter => char.IsAsciiLetterOrDigit(letter) ? letter : '_'));
}
