using System.CommandLine;
using NativeLink.Actors.Cli.Composition;
using NativeLink.Actors.Cli.Hosting;

namespace NativeLink.Actors.Cli.Commands;

/// <summary>
/// <c>nativelink-actors check-config FILE</c>: what the file means, or everything that is wrong in
/// it. Starts and touches nothing.
/// </summary>
internal static class CheckConfigCommand
{
    public static Command Build()
    {
        var file = Shared.PathArgument(
            "FILE", "NativeLink configuration file (JSON5), or the short form of its page on workers.",
            ArgumentArity.ExactlyOne);
        var command = new Command("check-config",
            "Check a configuration file: exit code 0 and a summary, or 2 and every mistake with its line and column.");
        var local = new Option<bool>("--local")
        {
            Description = "Check it as 'local --config FILE' reads it, with the cluster that it would start.",
        };
        command.Arguments.Add(file);
        command.Options.Add(local);
        command.SetAction(result => result.GetValue(local)
            ? CheckLocal(result.GetValue(file)!)
            : Check(result.GetValue(file)!));
        return command;
    }

    /// <summary>The plan that a start makes, and nothing of what it does.</summary>
    private static int CheckLocal(string path)
    {
        var plan = LocalPlan.Make(new LocalSwitches(Path.GetFullPath(OwnEnvironment.DataDirectory()))
        {
            ConfigFile = path,
        });
        foreach (var note in plan.Notes)
            Console.Error.WriteLine($"note: {note}");
        var workers = plan.Cluster.ServesWorkerApi ? $", workers at {plan.Cluster.WorkerApiListen}" : "";
        Console.Out.WriteLine(
            $"{path}: as a local cluster: clients at {plan.Cluster.Listen}{workers}, " +
            $"CAS in {plan.Cluster.Cas.ContentPath}");
        return ExitCodes.Ok;
    }

    private static int Check(string path)
    {
        var summary = ConfigSummary.Check(ConfigFile.Read(path), path, OwnEnvironment.Variable);
        foreach (var note in summary.Notes)
            Console.Error.WriteLine($"note: {ConfigFile.Shown(path, note)}");
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
