using System.Diagnostics;
using NativeLink.Actors.Cli.Composition;
using NativeLink.Actors.Fuzz.Making;

namespace NativeLink.Actors.Fuzz.Targets;

/// <summary>
/// Configuration files, through all that check-config does: a summary, or mistakes with their
/// places; never an exception.
/// </summary>
internal sealed class ConfigTarget : IFuzzTarget
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(30);

    public int AtOnce => 1;

    public Task<IReadOnlyList<string>> RunAsync(Draw draw)
    {
        var text = ConfigTexts.Make(draw);
        var started = Stopwatch.GetTimestamp();
        try
        {
            var summary = ConfigSummary.Check(text, "fuzz.json5", name => name.Length > 3 ? "7" : null);
            var problems = new List<string>();
            var lines = text.Split(["\r\n", "\n", "\r"], StringSplitOptions.None);
            if (summary.Errors.IsEmpty == summary.Lines.IsEmpty)
                problems.Add($"{summary.Errors.Length} mistakes and {summary.Lines.Length} lines of summary");
            problems.AddRange(
                summary.Errors.Where(error => error.Message.Length == 0 || error.Path.Length == 0 || error.Line < 0
                    || error.Line > lines.Length).Select(error => $"a mistake without its place: {error}"));
            if (Stopwatch.GetElapsedTime(started) > Bound)
                problems.Add($"it took {Stopwatch.GetElapsedTime(started)}");
            return Task.FromResult<IReadOnlyList<string>>([.. problems.Select(problem => $"{problem}\n{text}")]);
        }
        catch (Exception error)
        {
            return Task.FromResult<IReadOnlyList<string>>([$"{error}\n{text}"]);
        }
    }

    public Task<IReadOnlyList<string>> CheckAsync() => Task.FromResult<IReadOnlyList<string>>([]);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
