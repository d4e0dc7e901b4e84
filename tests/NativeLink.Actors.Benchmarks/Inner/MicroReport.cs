using System.Globalization;
using System.Text;
using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Reports;
using NativeLink.Actors.Benchmarks.Reporting;

namespace NativeLink.Actors.Benchmarks.Inner;

/// <summary>
/// The file with the tables of BenchmarkDotNet, a section for each class; a run replaces those of
/// the classes that it measured.
/// </summary>
internal static class MicroReport
{
    private const string SectionMark = "\n## ";

    /// <summary>The table of one class in Markdown, with date and machine.</summary>
    public static string TableOf(Summary summary)
    {
        var log = new AccumulationLogger();
        MarkdownExporter.GitHub.ExportToLog(summary, log);
        var table = log.GetLog().Split('\n').Select(static line => line.Trim())
            .Where(static line => line.StartsWith('|'));
        return string.Create(CultureInfo.InvariantCulture,
            $"{DateTime.UtcNow:yyyy-MM-dd}, {Machine.Describe()}.\n\n{string.Join('\n', table)}\n");
    }

    public static void Write(string file, IReadOnlyDictionary<string, string> tables)
    {
        var sections = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var section in File.Exists(file) ? File.ReadAllText(file).Split(SectionMark)[1..] : [])
            sections[section[..section.IndexOf('\n', StringComparison.Ordinal)]] =
                section[(section.IndexOf('\n', StringComparison.Ordinal) + 2)..];
        foreach (var (name, table) in tables)
            sections[name] = table;
        var text = new StringBuilder(
            "# Inner pieces\n\nBy BenchmarkDotNet in one process, three passes after three to warm up: " +
            "`micro --out DIR`. Allocated: bytes that one call leaves to the garbage collector.\n");
        foreach (var (name, table) in sections)
            text.Append(CultureInfo.InvariantCulture, $"{SectionMark}{name}\n\n{table}");
        File.WriteAllText(file, text.ToString());
    }
}
