using System.Text;

namespace NativeLink.Actors.Differential.Transparency;

/// <summary>What came of one run.</summary>
/// <param name="Outputs">By path below <c>out</c>: <c>file</c> with its digest and whether it is
/// executable, <c>directory</c>, or <c>link</c> with its target.</param>
internal sealed record Seen(int ExitCode, string Stdout, string Stderr, IReadOnlyDictionary<string, string> Outputs)
{
    /// <summary>
    /// Null when it is the same, else how it differs. Stderr only helps to understand that:
    /// messages name directories.
    /// </summary>
    public string? DifferenceTo(Seen plain)
    {
        var text = new StringBuilder();
        if (ExitCode != plain.ExitCode) text.Append(System.Globalization.CultureInfo.InvariantCulture,
            $"\n    exit code {plain.ExitCode} in a plain directory, {ExitCode} as an action");
        if (Stdout != plain.Stdout) text.Append("\n    stdout differs:").Append(Lines(plain.Stdout, Stdout));
        foreach (var path in plain.Outputs.Keys.Union(Outputs.Keys).Order(StringComparer.Ordinal))
        {
            var (before, after) = (plain.Outputs.GetValueOrDefault(path, "nothing"),
                Outputs.GetValueOrDefault(path, "nothing"));
            if (before != after) text.Append($"\n    out/{path}: {before} in a plain directory, {after} as an action");
        }

        if (text.Length == 0) return null;
        if (Stderr.Length > 0) text.Append($"\n    stderr: {Short(Stderr)}");
        return text.ToString();
    }

    private static string Lines(string plain, string action)
    {
        var (before, after) = (plain.Split('\n'), action.Split('\n'));
        return string.Concat(before.Except(after).Take(6).Select(line => $"\n      - {Short(line)}"))
            + string.Concat(after.Except(before).Take(6).Select(line => $"\n      + {Short(line)}"));
    }

    private static string Short(string text) => text.Length <= 600 ? text : text[..600] + "…";
}
