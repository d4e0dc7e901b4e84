using System.Text.RegularExpressions;

namespace NativeLink.Actors.Library.Tests;

/// <summary>What the README says of the library is what is compiled and run here.</summary>
public sealed partial class ReadmeTests
{
    private const int MostLines = 45;

    [Fact]
    public void The_examples_of_the_readme_are_those_that_are_run()
    {
        var root = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(root, "NativeLink.Actors.sln")))
            root = Path.GetDirectoryName(root)!;
        var section = File.ReadAllText(Path.Combine(root, "README.md")).Split("\n## ")
            .Single(static part => part.StartsWith("As a library\n", StringComparison.Ordinal));
        var here = Path.Combine(root, "tests", "NativeLink.Actors.Library.Tests");
        string[] run = [.. Directory.GetFiles(here, "*Example.cs").Order().Select(File.ReadAllText).Select(Region)];

        Assert.Equal(run, Blocks().Matches(section).Select(static block => block.Groups[1].Value));
        Assert.True(run.Sum(static text => text.Count(static letter => letter == '\n')) <= MostLines);
    }

    private static string Region(string file)
    {
        var lines = Regions().Match(file).Groups[1].Value.TrimEnd().Split('\n');
        var indent = lines.Where(static line => line.Length > 0)
            .Min(static line => line.Length - line.TrimStart().Length);
        return string.Concat(lines.Select(line => line[Math.Min(indent, line.Length)..] + "\n"));
    }

    [GeneratedRegex(@"#region README:[^\n]*\n(.*?)[ ]*#endregion", RegexOptions.Singleline)]
    private static partial Regex Regions();

    [GeneratedRegex(@"```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Blocks();
}
