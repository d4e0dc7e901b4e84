using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace NativeLink.Actors.Benchmarks.Reporting;

/// <summary>
/// The results of the runs that wrote into one directory: each run replaces those of the targets
/// that it measured. Kept as JSON, shown as Markdown.
/// </summary>
internal sealed partial class Report
{
    private const string Begin = "<!-- figures: begin -->";
    private const string End = "<!-- figures: end -->";

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };
    private static readonly (string File, string Shows)[] Pictures =
    [
        ("by-tree-size.svg", "Staging a cached input root, by its size"),
        ("by-changed-files.svg", "Staging a root of 10,000 files, by how many changed"),
        ("by-in-flight.svg", "Actions a second, by how many are in flight"),
    ];

    private readonly string _directory;
    private readonly SortedDictionary<string, Entry> _entries = new(
        Comparer<string>.Create(static (a, b) => Number(a).CompareTo(Number(b))));

    public Report(string directory)
    {
        _directory = Directory.CreateDirectory(directory).FullName;
        if (File.Exists(JsonFile))
            foreach (var (name, entry) in JsonSerializer.Deserialize<Dictionary<string, Entry>>(
                File.ReadAllText(JsonFile))!)
                _entries[name] = entry;
    }

    public static string BySize => Pictures[0].File;

    public static string ByChanges => Pictures[1].File;

    public static string ByInflight => Pictures[2].File;

    private string JsonFile => Path.Combine(_directory, "targets.json");

    private string BenchFile => Path.Combine(_directory, "worker_bench.txt");

    public string PathOf(string file) => Path.Combine(_directory, file);

    public void Add(string target, IReadOnlyList<Finding> findings, DateOnly date)
    {
        _entries[target] = new Entry(date, Machine.Describe(), findings);
        File.WriteAllText(JsonFile, JsonSerializer.Serialize(_entries, Indented) + "\n");
    }

    /// <summary>Keeps what worker_bench.py printed.</summary>
    public void AddBench(string printed) => File.WriteAllText(BenchFile, printed);

    /// <summary>
    /// Writes <c>targets.md</c>: every finding with its note,
    /// and what people have written about those that fall short.
    /// </summary>
    public void WriteTable()
    {
        var text = new StringBuilder(
            $"# Targets\n\n{Header()}\n\n| | measured | figure | floor | target | ratio | verdict | " +
            "|\n|---|---|---|---|---|---|---|---|\n");
        foreach (var (name, finding) in Rows())
            text.Append(
                CultureInfo.InvariantCulture,
                $"| {name} | {finding.What} | {finding.Figure} | {finding.Floor} | {finding.Limit} | " +
                $"{Ratio(finding)} | {finding.Verdict} | {finding.Note} |\n");
        text.Append(
            Notes.Section(PathOf("notes.md"), _entries.Select(static entry => (entry.Key, entry.Value.Findings))));
        File.WriteAllText(PathOf("targets.md"), text.ToString());
    }

    /// <summary>Puts the table and the pictures between the marks of the README.</summary>
    /// <param name="nativeLinkBench">What worker_bench.py printed about NativeLink's own worker.</param>
    public void WriteInto(string readme, string nativeLinkBench)
    {
        var folder = Path.GetRelativePath(Path.GetDirectoryName(readme)!, _directory);
        var text = new StringBuilder(
            $"{Begin}\n{Header()}\n\n| | measured | figure | floor, " +
            "same run | target | |\n|---|---|---|---|---|---|\n");
        foreach (var (name, finding) in Rows())
            text.Append(
                CultureInfo.InvariantCulture,
                $"| {name} | {finding.What} | {finding.Figure} | {finding.Floor} | {finding.Limit} | " +
                $"{Verdict(finding)} |\n");
        text.Append(CultureInfo.InvariantCulture, $"\nWith notes: [targets.md]({folder}/targets.md).\n");
        foreach (var (file, shows) in Pictures.Where(picture => File.Exists(PathOf(picture.File))))
            text.Append(CultureInfo.InvariantCulture, $"\n![{shows}]({folder}/{file})\n");
        if (File.Exists(BenchFile))
            text.Append(Comparison(File.ReadAllLines(BenchFile), File.ReadAllLines(nativeLinkBench)));
        text.Append(
            "\n`dotnet run -c Release --project tests/NativeLink.Actors.Benchmarks -- targets` measures on your " +
            "machine.\n").Append(End);
        var old = File.ReadAllText(readme);
        var (from, to) = (old.IndexOf(Begin, StringComparison.Ordinal), old.IndexOf(End, StringComparison.Ordinal));
        if (from < 0 || to < from)
            throw new InvalidOperationException($"{readme} has no '{Begin}' followed by '{End}'");
        File.WriteAllText(readme, old[..from] + text + old[(to + End.Length)..]);
    }

    private IEnumerable<(string Name, Finding Finding)> Rows() =>
        _entries.SelectMany(static entry => entry.Value.Findings.Select(finding => (entry.Key, finding)));

    private string Header() =>
        string.Join(
            "; ", _entries.Values.Select(static entry => string.Create(
                CultureInfo.InvariantCulture, $"{entry.Date:yyyy-MM-dd}, {entry.Machine}")).Distinct()) + ".";

    /// <summary>The lines of both that begin alike.</summary>
    private static string Comparison(string[] ours, string[] theirs)
    {
        var text = new StringBuilder(
            "\nA worker from StartExecute to ExecuteResult, by `tests/BlackBox/worker_bench.py`: " +
            "ours with the CAS of `local`, NativeLink 1.6.6's with its own CAS, ")
            .Append("each on a machine of this kind:\n\n| | ours | NativeLink 1.6.6 |\n|---|---|---|\n");
        foreach (var line in ours)
        {
            if (Line().Match(line) is { Success: true } match
                && theirs.FirstOrDefault(
                    other => other.StartsWith(match.Groups[1].Value + ":", StringComparison.Ordinal)) is { } other)
                text.Append(CultureInfo.InvariantCulture,
                    $"| {match.Groups[1].Value} | {Sampled(match)} | {Sampled(Line().Match(other))} |\n");
        }
        return text.ToString();
    }

    /// <summary>
    /// What the script says, without a peak of nothing: the
    /// action was over before the first sample of its memory.
    /// </summary>
    private static string Sampled(Match line) =>
        line.Groups[2].Value.Replace("peak 0 MB", "peak n/a (not sampled)", StringComparison.Ordinal);

    private static string Verdict(Finding finding) =>
        finding.Verdict == Finding.Told ? finding.Note : $"{finding.Verdict} {Ratio(finding)}".Trim();

    private static string Ratio(Finding finding) =>
        finding.Ratio is { } ratio ? string.Create(CultureInfo.InvariantCulture, $"{ratio:0.00}×") : "";

    private static int Number(string target) => int.Parse(target.AsSpan(1), CultureInfo.InvariantCulture);

    [GeneratedRegex("^([^:]+): (.*)$")]
    private static partial Regex Line();

    private sealed record Entry(DateOnly Date, string Machine, IReadOnlyList<Finding> Findings);
}
