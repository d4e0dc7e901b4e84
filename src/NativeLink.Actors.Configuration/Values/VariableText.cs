using System.Text;

namespace NativeLink.Actors.Configuration.Values;

/// <summary>
/// Replaces <c>$VAR</c>, <c>${VAR}</c> and <c>${VAR:-default}</c> (protos/README.md 5.1); <c>$$</c>
/// is one dollar. The default counts when the variable is not set, and may hold variables itself; a
/// variable that is set to nothing gives nothing.
/// </summary>
internal static class VariableText
{
    /// <summary>Defaults in defaults; a file that goes deeper is a slip.</summary>
    private const int MostLevels = 16;

    /// <returns>The text, or an error: exactly one of them is null.</returns>
    public static (string? Text, string? Error) Expand(string text, Func<string, string?> variables) =>
        Expand(text, variables, 0);

    private static (string? Text, string? Error) Expand(string text, Func<string, string?> variables, int level)
    {
        if (!text.Contains('$'))
            return (text, null);
        var result = new StringBuilder();
        for (var i = 0; i < text.Length;)
        {
            if (text[i] != '$' || i + 1 == text.Length)
            {
                result.Append(text[i++]);
                continue;
            }

            var (reference, length, error) = Next(text.AsSpan(i), variables, level);
            if (error is not null)
                return (null, error);
            result.Append(reference);
            i += length;
        }

        return (result.ToString(), null);
    }

    /// <param name="rest">Starts with a dollar and has more behind it.</param>
    private static (string? Value, int Length, string? Error) Next(
        ReadOnlySpan<char> rest, Func<string, string?> variables, int level)
    {
        if (rest[1] == '$')
            return ("$", 2, null);
        if (rest[1] == '{')
            return Braced(rest, variables, level);
        var end = 1;
        while (end < rest.Length && IsNamePart(rest[end]))
            end++;
        if (end == 1)
            return ("$", 1, null);
        var (value, error) = LookUp(rest[1..end].ToString(), null, variables);
        return (value, end, error);
    }

    private static (string? Value, int Length, string? Error) Braced(
        ReadOnlySpan<char> rest, Func<string, string?> variables, int level)
    {
        var end = Closing(rest);
        if (end < 0)
            return (null, 0,
                "a '${' is not closed by '}': write ${NAME} or ${NAME:-default}, and $$ for a dollar sign");
        var inner = rest[2..end].ToString();
        var split = inner.IndexOf(":-", StringComparison.Ordinal);
        var (name, otherwise) = split < 0 ? (inner, null) : (inner[..split], inner[(split + 2)..]);
        if (name.Length == 0 || !name.All(IsNamePart))
            return (null, 0,
                $"'${{{inner}}}' names no variable: write ${{NAME}} or ${{NAME:-default}}, and $$ for a dollar sign");
        if (otherwise is not null && variables(name) is null)
        {
            if (level == MostLevels)
                return (null, 0,
                    $"'${{{name}:-…}}' has defaults in defaults, more than {MostLevels} deep: write fewer");
            var (expanded, problem) = Expand(otherwise, variables, level + 1);
            return (expanded, end + 1, problem);
        }
        var (value, error) = LookUp(name, otherwise, variables);
        return (value, end + 1, error);
    }

    /// <summary>
    /// The brace that closes the one at the start, behind those
    /// of the variables in between; -1 when there is none.
    /// </summary>
    private static int Closing(ReadOnlySpan<char> rest)
    {
        var open = 0;
        for (var i = 1; i < rest.Length; i++)
        {
            if (rest[i] == '{' && rest[i - 1] == '$')
                open++;
            else if (rest[i] == '}' && --open == 0)
                return i;
        }
        return -1;
    }

    private static (string? Value, string? Error) LookUp(
        string name, string? otherwise, Func<string, string?> variables) =>
        (variables(name) ?? otherwise) is { } value
            ? (value, null)
            : (null,
                $"the environment variable {name} is not set: set it, or write ${{{name}:-default}}; " +
                "$$ is a dollar sign");

    private static bool IsNamePart(char c) => char.IsLetterOrDigit(c) || c == '_';
}
