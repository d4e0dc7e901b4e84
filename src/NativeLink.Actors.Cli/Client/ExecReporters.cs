using System.Globalization;
using Spectre.Console;

namespace NativeLink.Actors.Cli.Client;

/// <summary>Plain lines, for logs and pipes.</summary>
internal sealed class PlainExecReporter(TextWriter output) : IExecReporter
{
    public void Step(string text) => output.WriteLine(text);

    public Task<T> FollowAsync<T>(Func<Task<T>> work) => work();

    public void Stages(IReadOnlyList<(string Stage, TimeSpan Time, string Note)> stages)
    {
        foreach (var (stage, time, note) in stages)
            output.WriteLine($"  {stage,-16} {Format(time),10}  {note}".TrimEnd());
    }

    /// <summary>Milliseconds below ten seconds, else seconds.</summary>
    public static string Format(TimeSpan time) => time < TimeSpan.FromSeconds(10)
        ? string.Create(CultureInfo.InvariantCulture, $"{time.TotalMilliseconds:0.0} ms")
        : string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0.0} s");
}

/// <summary>A line that moves while the action runs, and a table at the end.</summary>
internal sealed class TerminalExecReporter(IAnsiConsole console) : IExecReporter
{
    private StatusContext? _status;

    public void Step(string text)
    {
        if (_status is { } status)
            status.Status(Markup.Escape(text));
        else
            console.MarkupLineInterpolated($"[grey]{text}[/]");
    }

    public async Task<T> FollowAsync<T>(Func<Task<T>> work) =>
        await console.Status().Spinner(Spinner.Known.Dots).StartAsync("…", async status =>
    {
        _status = status;
        try
        {
            return await work();
        }
        finally
        {
            _status = null;
        }
    });

    public void Stages(IReadOnlyList<(string Stage, TimeSpan Time, string Note)> stages)
    {
        var table = new Table().Border(TableBorder.Rounded).AddColumn("stage")
            .AddColumn(new TableColumn("time").RightAligned()).AddColumn("");
        foreach (var (stage, time, note) in stages)
            table.AddRow(Markup.Escape(stage), PlainExecReporter.Format(time), Markup.Escape(note));
        console.Write(table);
    }
}
