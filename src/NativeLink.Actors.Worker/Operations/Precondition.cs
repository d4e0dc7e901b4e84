using NativeLink.Actors.Worker.Processes;

namespace NativeLink.Actors.Worker.Operations;

/// <summary>The precondition script as a process (protos/README.md 4.2, step 1).</summary>
internal static class Precondition
{
    // execve(2), MAX_ARG_STRLEN: 32 pages for one string with its NUL.
    private const int LongestString = 131_072;

    /// <summary>
    /// The script with its environment: what the operator configured of kinds that need no action
    /// directory, and, of our own, <c>OPERATION_ID</c>, <c>ACTION_DIGEST</c> (<c>hash/size</c>) and
    /// <c>PLATFORM_{name}</c> for each platform property. The operator's entries win.
    /// </summary>
    /// <exception cref="FormatException">The script cannot be split into words.</exception>
    /// <exception cref="FaultException">Action: a value of a property cannot be put into an
    /// environment; says which.</exception>
    public static ProcessPlan Plan(
        string script, ActionAssignment assignment, ExecutorOptions options, string stdoutPath, string stderrPath)
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
            if (entry.Source is EnvironmentSource.Value or EnvironmentSource.FromEnvironment
                or EnvironmentSource.Property)
                variables[entry.Name] = ActionPlan.FixedValue(entry, options, [assignment.Platform]);
        }
        foreach (var (name, value) in variables)
        {
            if (WhyNot(name, value) is { } why)
                throw new FaultException(FaultKind.Action,
                    $"the precondition script cannot be told of this action: its environment variable {name} {why}");
        }
        return new ProcessPlan(ShellWords.Split(script), [.. variables], Environment.CurrentDirectory, stdoutPath,
            stderrPath);
    }

    private static string? WhyNot(string name, string value)
    {
        if (value.Contains('\0', StringComparison.Ordinal))
            return "would have a NUL in its value";
        var bytes = System.Text.Encoding.UTF8.GetByteCount(name) + System.Text.Encoding.UTF8.GetByteCount(value) + 2;
        return bytes > LongestString ? $"would have {bytes} bytes, and this system takes {LongestString}" : null;
    }

    private static string VariableName(string property) =>
        string.Concat(property.Select(letter => char.IsAsciiLetterOrDigit(letter) ? letter : '_'));
}
