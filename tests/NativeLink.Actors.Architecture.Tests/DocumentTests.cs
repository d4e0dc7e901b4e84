using System.Text.RegularExpressions;

namespace NativeLink.Actors.Architecture.Tests;

/// <summary>Whoever carries the project on needs nothing that is not in it: what is cited is there.</summary>
public sealed partial class DocumentTests
{
    private static readonly string[] Kinds = [".cs", ".md", ".sh", ".py", ".proto", ".json5", ".hocon", ".conf", ".txt",
        ".yaml", ".yml"];

    private static readonly IReadOnlyList<string> Texts =
    [
        .. Directory.EnumerateFiles(Repository.Root, "*", new EnumerationOptions
        {
            RecurseSubdirectories = true,
            AttributesToSkip = FileAttributes.ReparsePoint,
        })
            .Select(path => Path.GetRelativePath(Repository.Root, path))
            .Where(path => Kinds.Contains(Path.GetExtension(path))
                && !path.Split('/').Any(part => part is "bin" or "obj" or "TestResults" or ".git"))
            .Order(StringComparer.Ordinal),
    ];

    [Fact]
    public void Each_section_of_the_wire_contract_that_is_cited_is_there()
    {
        var sections = Headings().Matches(Read("protos/README.md")).Select(heading => heading.Groups[1].Value)
            .ToHashSet();
        var cited = Texts.SelectMany(path => Citations().Matches(Unwrapped(path)).SelectMany(
            match => Numbers().Matches(match.Groups[1].Value).Select(number => (path, number.Value)))).ToList();
        Assert.True(cited.Count > 50, $"{cited.Count} citations");
        Assert.DoesNotContain(cited, citation => !sections.Contains(citation.Value));
    }

    [Fact]
    public void Each_document_that_is_named_is_there()
    {
        var known = Texts.Select(path => Path.GetFileName(path)).ToHashSet();
        var named = Texts.SelectMany(path => Documents().Matches(Said(path))
            .Select(match => (path, Name: Path.GetFileName(match.Value)))).ToList();
        Assert.True(named.Count > 10, $"{named.Count} names");
        Assert.DoesNotContain(named, document => !known.Contains(document.Name));
    }

    [Fact]
    public void Each_link_of_a_page_leads_to_a_file_of_this_project()
    {
        var links = Texts.Where(path => path.EndsWith(".md", StringComparison.Ordinal)).SelectMany(
            path => Links().Matches(Read(path)).Select(match => (path, To: match.Groups[1].Value))).ToList();
        Assert.NotEmpty(links);
        Assert.DoesNotContain(
            links, link => !Path.Exists(Path.Combine(Repository.Root, Path.GetDirectoryName(link.path)!, link.To)));
    }

    /// <summary>Of code its comments alone: a name in its strings may be that of a file it writes.</summary>
    private static string Said(string path) => !path.EndsWith(".cs", StringComparison.Ordinal) ? Read(path)
        : string.Join(
            '\n', Read(path).Split('\n').Where(line => line.TrimStart().StartsWith("//", StringComparison.Ordinal)));

    /// <summary>A citation may go on in the next line of a comment.</summary>
    private static string Unwrapped(string path) => NextLineOfComment().Replace(Read(path), " ");

    private static string Read(string path) => File.ReadAllText(Path.Combine(Repository.Root, path));

    [GeneratedRegex(@"^#{2,3} ([0-9](?:\.[0-9]+)?) ", RegexOptions.Multiline)]
    private static partial Regex Headings();

    [GeneratedRegex(@"protos/README\.md ([0-9](?:\.[0-9]+)?(?:(?:, | and | to )(?:[0-9]\.[0-9]+|[0-9]\b(?!\.)))*)")]
    private static partial Regex Citations();

    [GeneratedRegex(@"\n[ \t]*(?://+|#)[ \t]*")]
    private static partial Regex NextLineOfComment();

    [GeneratedRegex(@"[0-9](?:\.[0-9]+)?")]
    private static partial Regex Numbers();

    // Not a pattern such as *.md, and nothing of another project's.
    [GeneratedRegex(@"(?<![*\w/.$}-])(?:[\w.-]+/)*[A-Za-z][\w-]*\.md\b")]
    private static partial Regex Documents();

    [GeneratedRegex(@"\]\((?!https?:|#|mailto:)([^)#\s]+)(?:#[^)]*)?\)")]
    private static partial Regex Links();
}
