using System.Globalization;
using System.Text;

namespace NativeLink.Actors.Benchmarks.Reporting;

/// <summary>
/// What people write about the targets that fall short, in <c>notes.md</c>
/// beside the results: a heading <c>## T1</c> for each target. No run
/// writes into that file; every run takes it into its report.
/// </summary>
internal static class Notes
{
    private const string HeadingMark = "## ";

    /// <summary>The section of the report: the words for each target that falls short or has some.</summary>
    public static string Section(string file, IEnumerable<(string Target, IReadOnlyList<Finding> Findings)> all)
    {
        var words = Read(file);
        var text = new StringBuilder("\n## What falls short, what was tried, what the profile says\n");
        foreach (var (target, findings) in all)
        {
            var failing = findings.Where(static finding => finding.Verdict == Finding.Short).ToList();
            if (failing.Count == 0 && !words.ContainsKey(target))
                continue;
            text.Append(CultureInfo.InvariantCulture, $"\n### {target}\n\n");
            text.AppendLine(failing.Count == 0
                ? "Holds in this run."
                : string.Join("; ", failing.Select(Sentence)) + ".");
            var nothing = $"Nothing has been written about it in {Path.GetFileName(file)}.";
            text.Append(CultureInfo.InvariantCulture, $"\n{words.GetValueOrDefault(target, nothing)}\n");
        }
        return text.ToString();
    }

    private static string Sentence(Finding finding) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{finding.What}: {finding.Figure} where {finding.Limit} is " +
            $"wanted{(finding.Floor.Length > 0 ? $" and the floor is {finding.Floor}" : "")}");

    private static Dictionary<string, string> Read(string file)
    {
        var found = new Dictionary<string, string>();
        foreach (var section in File.Exists(file) ? ("\n" + File.ReadAllText(file)).Split("\n" + HeadingMark)[1..] : [])
        {
            var end = section.IndexOf('\n', StringComparison.Ordinal);
            if (end > 0 && section[end..].Trim() is { Length: > 0 } words)
                found[section[..end].Trim()] = words;
        }
        return found;
    }
}
