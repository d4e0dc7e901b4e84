using NativeLink.Actors.Cli;
using NativeLink.Actors.Cli.Commands;

// Before anything is loaded: with too few descriptors what comes next fails in words of the runtime's.
if (DescriptorCheck.WhyNot(args) is { } whyNot)
{
    Console.Error.WriteLine($"nativelink-actors: {whyNot}");
    Environment.Exit(args is ["exec", ..] ? ExitCodes.ExecutorFailed : ExitCodes.Stopped);
}

// Threads of libraries must not keep the process when its work is done: the exit is explicit.
Environment.Exit(await CommandLine.RunAsync(args));

/// <summary>Written out because ASP.NET Core otherwise generates a public one.</summary>
internal sealed partial class Program;
