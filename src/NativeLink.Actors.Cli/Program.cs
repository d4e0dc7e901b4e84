using NativeLink.Actors.Cli.Commands;

// Threads of libraries must not keep the process when its work is done: the exit is explicit.
Environment.Exit(await CommandLine.RunAsync(args));
