using System.CommandLine;
using System.CommandLine.Invocation;
using System.Reflection;
using System.Runtime.InteropServices;
using NativeLink.Actors.Cli.Hosting;
using NativeLink.Actors.Protocol;

namespace NativeLink.Actors.Cli.Commands;

/// <summary>
/// The whole command line: parses, runs, and turns every
/// way to fail into one clear message and an exit code.
/// </summary>
internal static class CommandLine
{
    private const string Description = """
        A remote-execution worker for NativeLink clusters, and a local cluster for one machine.

          nativelink-actors worker.json5           run the workers of a NativeLink configuration file
          nativelink-actors local                  scheduler, CAS, action cache and workers in one process
          nativelink-actors exec -- echo hello     run one command through the pool
          nativelink-actors check-config FILE      say what a configuration file means, or everything that is wrong in it

        SIGTERM finishes running actions first (exit code 0, or 143 when that took too long); a second signal, or SIGINT, ends
        at once and leaves no process behind (130). Exit code 2: the command line or the configuration is wrong, nothing was started.
        """;

    public static async Task<int> RunAsync(string[] args)
    {
        StandardStreams.Secure();
        if (WhyNotHere() is { } reason)
        {
            await Console.Error.WriteLineAsync(reason);
            return ExitCodes.Configuration;
        }
        var root = Build();
        // The file is the worker's: with a command it is neither read nor shown.
        root.Arguments[0].Hidden = args.TakeWhile(arg => arg != "--")
            .Any(arg => root.Subcommands.Any(command => command.Name == arg));
        var parsed = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        string[] mistakes = (OwnText.WhyNotArguments(args) ?? Misplaced.Find(parsed, args)) is { } mistake
            ? [mistake]
            : [.. parsed.Errors.Select(error => error.Message)];
        if (mistakes.Length == 0)
            return await InvokeAsync(parsed);
        foreach (var text in mistakes)
            await Console.Error.WriteLineAsync($"nativelink-actors: {text}");
        await Console.Error.WriteLineAsync(
            $"Try: {Path.GetFileName(Environment.ProcessPath) ?? "nativelink-actors"} {Subcommand(parsed)}--help");
        return ExitCodes.Configuration;
    }

    private static async Task<int> InvokeAsync(ParseResult parsed)
    {
        var failed = parsed.CommandResult.Command.Name == "exec" ? ExitCodes.ExecutorFailed : ExitCodes.Stopped;
        try
        {
            return await parsed.InvokeAsync(new InvocationConfiguration
            {
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null,
            });
        }
        catch (UsageException error)
        {
            await Console.Error.WriteLineAsync($"nativelink-actors: {error.Message}");
            return ExitCodes.Configuration;
        }
        catch (FaultException error)
        {
            await Console.Error.WriteLineAsync($"nativelink-actors: {error.Fault.Detail}");
            return failed;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // The disk, or whoever reads what is printed.
            var file = error is FileNotFoundException { FileName: { } name } ? $"{name}: " : "";
            await Console.Error.WriteLineAsync($"nativelink-actors: {file}{Reasons.Of(error)}");
            return failed;
        }
        catch (Exception error)
        {
            await Console.Error.WriteLineAsync($"nativelink-actors: this should not happen, please report it: {error}");
            return failed;
        }
    }

    /// <summary>The root command with everything below it.</summary>
    public static RootCommand Build()
    {
        var logLevel = Shared.LogLevelOption();
        var root = new RootCommand(Description);
        root.Options.Add(logLevel);
        foreach (var option in root.Options.OfType<VersionOption>())
            option.Action = new PrintVersion();
        WorkerCommand.AddTo(root, logLevel);
        root.Subcommands.Add(LocalCommand.Build(logLevel));
        root.Subcommands.Add(ExecCommand.Build(logLevel));
        root.Subcommands.Add(CheckConfigCommand.Build());
        return root;
    }

    /// <summary>Null on Linux x64 and arm64; else what to tell.</summary>
    public static string? WhyNotHere() => !OperatingSystem.IsLinux()
        ? $"nativelink-actors runs on Linux (x64, arm64); this is {RuntimeInformation.OSDescription}"
        : RuntimeInformation.ProcessArchitecture is not (Architecture.X64 or Architecture.Arm64)
            ? $"nativelink-actors runs on x64 and arm64; this process is {RuntimeInformation.ProcessArchitecture}"
            : null;

    private static string Subcommand(ParseResult parsed) =>
        parsed.CommandResult.Command is RootCommand ? "" : parsed.CommandResult.Command.Name + " ";

    private sealed class PrintVersion : SynchronousCommandLineAction
    {
        public override int Invoke(ParseResult parseResult)
        {
            var own = typeof(CommandLine).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>();
            var version = own?.InformationalVersion ?? "unknown";
            parseResult.InvocationConfiguration.Output.WriteLine(
                $"nativelink-actors {version} ({RuntimeInformation.RuntimeIdentifier}, " +
                $"{RuntimeInformation.FrameworkDescription}); " +
                "worker API of NativeLink 1.6.6, Remote Execution API 2.0 to 2.3");
            return ExitCodes.Ok;
        }
    }
}
