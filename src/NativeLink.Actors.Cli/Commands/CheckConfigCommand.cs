using System.CommandLine;
using NativeLink.Actors.Cli.Composition;
using NativeLink.Actors.Cli.Hosting;

namespace NativeLink.Actors.Cli.Commands;

/// <summary><c>nativelink-actors check-config FILE</c>: what the file means, or everything that is wrong in it. Starts and touches nothing.</summary>
public static class CheckConfigCommand
{
    public static Command Build()
    {
        var file = new Argument<string>("FILE") { Description = "NativeLink configuration file (JSON5), or the short form of its page on workers." };
        var command = new Command("check-config", "Check a configuration file: exit code 0 and a summary, or 2 and every mistake with its line and column.");
        command.Arguments.Add(file);
        command.SetAction(result => Check(result.GetValue(file)!));
        return command;
    }

    private static int Check(string path)
    {
        var summary = ConfigSummary.Check(ConfigFile.Read(path), path, OwnEnvironment.Variable);
        foreach (var note in summary.Notes)
            Console.Error.WriteLine($"note: {(note.Line > 0 ? $"{path}:" : "")}{note}");
        if (!summary.Errors.IsEmpty)
        {
            Console.Error.WriteLine(ConfigFile.Summary(path, summary.Errors));
            return ExitCodes.Configuration;
        }
        foreach (var line in summary.Lines)
            Console.Out.WriteLine(line);
        return ExitCodes.Ok;
    }
}
