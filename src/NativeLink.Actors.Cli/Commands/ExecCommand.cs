using System.Collections.Immutable;
using System.CommandLine;
using System.Net;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using NativeLink.Actors.Cas.Channels;
using NativeLink.Actors.Cli.Client;
using NativeLink.Actors.Cli.Composition;
using NativeLink.Actors.Cli.Hosting;
using NativeLink.Actors.Protocol;
using Spectre.Console;

namespace NativeLink.Actors.Cli.Commands;

/// <summary>
/// <c>nativelink-actors exec … -- COMMAND…</c>: one
/// action on an executor, or on a cluster of its own.
/// </summary>
internal sealed class ExecCommand
{
    private readonly Option<string?> _executor = new("--executor")
    {
        Description =
            "Where to execute. Without it a local cluster with one worker runs in this process, for this one action.",
        HelpName = "grpc://HOST:PORT",
    };
    private readonly Option<string> _instance = new("--instance")
    {
        Description = "Instance name on the executor.",
        HelpName = "NAME",
        DefaultValueFactory = _ => "",
    };
    private readonly Option<string[]> _header = new("--header")
    {
        Description = "Header of every call, for example of an API key. May be repeated.",
        HelpName = "NAME=VALUE",
    };
    private readonly Option<string?> _caFile = Shared.PathOption(
        "--ca-file", "FILE", "Trust these authorities (PEM) instead of the system's.");
    private readonly Option<string?> _certFile = Shared.PathOption(
        "--cert-file", "FILE", "Client certificate (PEM), with --key-file.");
    private readonly Option<string?> _keyFile = Shared.PathOption(
        "--key-file", "FILE", "Key of the client certificate (PEM).");
    private readonly Option<string> _digestFunction = new("--digest-function")
    {
        Description = "Digest function: sha256 or blake3.",
        HelpName = "NAME",
        DefaultValueFactory = _ => "sha256",
    };
    private readonly Option<string?> _input = Shared.PathOption("--input", "DIR",
        "Directory to upload as the input root; the command starts in it. Without it the root is empty.");
    private readonly Option<string[]> _output = new("--output")
    {
        Description = "File or directory that the command makes, relative to the root. May be repeated.",
        HelpName = "PATH",
    };
    private readonly Option<string[]> _env = new("--env")
    {
        Description = "Variable of the command's environment, which is otherwise empty. May be repeated.",
        HelpName = "K=V",
    };
    private readonly Option<string[]> _property = new("--property")
    {
        Description = "Platform property that the worker must have. May be repeated.",
        HelpName = "K=V",
    };
    private readonly Option<string?> _timeout = new("--timeout")
    {
        Description = "Longest time the command may run, for example 30s. Default: the worker's.",
        HelpName = "D",
    };
    private readonly Option<bool> _noCache = new("--no-cache")
    {
        Description = "Execute even if the result is cached, and do not cache it.",
    };
    private readonly Option<string?> _into = Shared.PathOption(
        "--into", "DIR", "Directory for the outputs. Default: the current one.");
    private readonly Argument<string[]> _command = new("COMMAND")
    {
        Description = "The command and its arguments, after --.",
        Arity = ArgumentArity.OneOrMore,
    };
    private readonly Option<string?> _logLevel;

    private ExecCommand(Option<string?> logLevel) => _logLevel = logLevel;

    public static Command Build(Option<string?> logLevel) => new ExecCommand(logLevel).Build();

    private Command Build()
    {
        var command = new Command(
            "exec",
            "Execute one command remotely: upload inputs, run, print, fetch outputs. " +
            "Exits with the command's exit code; 125 when the executor failed.");
        foreach (var option in (Option[])[_executor, _instance, _header, _caFile, _certFile, _keyFile, _digestFunction,
            _input, _output, _env, _property, _timeout, _noCache, _into])
            command.Options.Add(option);
        command.Arguments.Add(_command);
        command.SetAction((result, _) => RunAsync(result));
        return command;
    }

    private async Task<int> RunAsync(ParseResult result)
    {
        var request = Read(result);
        var executor = result.GetValue(_executor) is { } text ? RemoteExecutorOptions.ParseAddress(text) : null;
        RefuseWithoutUse(result, executor);
        // Before anything is started.
        _ = Options(result, executor ?? new Uri("http://localhost"));
        // The cluster in the process is an implementation detail here: only its troubles are worth a line.
        var level = Shared.Level(result.GetValue(_logLevel), LogLevel.Warning);
        var entered = executor is null ? Namespaces.Enter() : null;
        using var signals = new Signals(TimeProvider.System, TimeSpan.Zero);
        using var ending = new CancellationTokenSource();
        var ended = Task.WhenAny(signals.Finish, signals.End).ContinueWith(_ => ending.Cancel(), TaskScheduler.Default);
        try
        {
            if (executor is not null)
                return await ExecuteAsync(Options(result, executor), request, ending.Token);
            using var logs = Logs.Create(level);
            Namespaces.Log(logs.CreateLogger("NativeLink.Actors.Exec"), entered);
            await using var node = await StartNodeAsync(logs);
            return await ExecuteAsync(Options(
                result, new Uri($"http://{LocalNode.Dialable(node.Cluster.ClientAddress)}")), request, ending.Token);
        }
        catch (OperationCanceledException error) when (ended.IsCompleted || ending.IsCancellationRequested)
        {
            await Console.Error.WriteLineAsync(error is OutputsInterruptedException
                ? "exec: interrupted; the action had completed, but not all that it made was fetched"
                : "exec: interrupted; the action was cancelled");
            return ExitCodes.Interrupted;
        }
        catch (RpcException) when (ending.IsCancellationRequested)
        {
            await Console.Error.WriteLineAsync("exec: interrupted; no action was running");
            return ExitCodes.Interrupted;
        }
    }

    private ExecRequest Read(ParseResult result)
    {
        var request = new ExecRequest
        {
            Arguments = [.. result.GetValue(_command)!],
            Into = result.GetValue(_into) ?? ".",
        };
        var outputs = result.GetValue(_output) ?? [];
        if (outputs.Contains(""))
            throw new UsageException("--output: the path is empty; a variable that is not set, perhaps");
        if (outputs.FirstOrDefault(path => Path.IsPathRooted(path)
            || path.Split('/').Contains("..")) is { } wrong)
            throw new UsageException($"--output {wrong}: write a path relative to the input root, without '..'");
        if (Reasons.NoDirectory(Path.GetFullPath(request.Into)) is { } reason)
            throw new UsageException($"--into {request.Into}: {reason}");
        if (result.GetValue(_input) is { } input && !Directory.Exists(input))
            throw new UsageException($"--input {input}: there is no such directory");
        return request with
        {
            InputDirectory = result.GetValue(_input),
            Outputs = [.. outputs.Select(path => path.TrimEnd('/'))],
            Environment = request.Environment.SetItems(Shared.Pairs("--env", result.GetValue(_env) ?? [])),
            Properties = request.Properties.SetItems(Shared.Pairs("--property", result.GetValue(_property) ?? [])),
            Timeout = result.GetValue(_timeout) is { } timeout ? SwitchText.Duration("--timeout", timeout) : null,
            NoCache = result.GetValue(_noCache),
        };
    }

    /// <exception cref="UsageException">What belongs to TLS without it.</exception>
    private void RefuseWithoutUse(ParseResult result, Uri? executor)
    {
        var given = ((Option<string?>[])[_caFile, _certFile, _keyFile]).FirstOrDefault(
            option => result.GetValue(option) is not null);
        if (given is not null && executor?.Scheme != Uri.UriSchemeHttps)
            throw new UsageException($"{given.Name}: there is no TLS without --executor grpcs://HOST:PORT");
        if ((result.GetValue(_certFile) is null) != (result.GetValue(_keyFile) is null))
            throw new UsageException("--cert-file and --key-file belong together: one of them is missing");
    }

    private static DigestFunction Function(string name) => name.ToLowerInvariant() switch
    {
        "sha256" => DigestFunction.Sha256,
        "blake3" => DigestFunction.Blake3,
        _ => throw new UsageException($"--digest-function {name}: sha256 and blake3 are served"),
    };

    private RemoteExecutorOptions Options(ParseResult result, Uri address)
    {
        var tls = new TlsOptions(result.GetValue(_caFile), result.GetValue(_certFile), result.GetValue(_keyFile),
            UseNativeRoots: false);
        var options = RemoteExecutorOptions.Of(address, result.GetValue(_instance)!, tls);
        return options with
        {
            DigestFunction = Function(result.GetValue(_digestFunction)!),
            Store = options.Store with
            {
                Headers = options.Store.Headers.SetItems(Shared.Headers("--header", result.GetValue(_header) ?? [])),
            },
        };
    }

    private static async Task<LocalNode> StartNodeAsync(ILoggerFactory logs)
    {
        await Console.Error.WriteLineAsync("no --executor: starting a local cluster with one worker in this process");
        var data = DataDirectory.Temporary();
        var anyPort = new IPEndPoint(IPAddress.Loopback, 0);
        var cluster = LocalDefaults.Cluster(data.Path, anyPort, anyPort);
        var switches = new WorkerSwitches { Count = 1, MaxInflight = 1, Environment = OwnEnvironment.All() };
        return await LocalNode.StartAsync(
            cluster,
            host => [LocalDefaults.Workers(host, cluster, data.Path, switches)],
            data,
            logs,
            TimeProvider.System);
    }

    private static async Task<int> ExecuteAsync(
        RemoteExecutorOptions executor, ExecRequest request, CancellationToken cancellation)
    {
        var reporter = Reporter();
        await using var stdout = StandardStreams.OpenOut();
        await using var stderr = StandardStreams.OpenError();
        try
        {
            await using var client = new ReapiClient(executor, TimeProvider.System);
            return await new ExecSession(client, reporter, stdout, stderr).RunAsync(request, cancellation);
        }
        catch (RpcException error) when (!cancellation.IsCancellationRequested)
        {
            reporter.Step(error.StatusCode switch
            {
                StatusCode.Unavailable =>
                    $"exec: no executor can be reached at {executor.Address.Authority}: {WhyNot(error, executor)}",
                StatusCode.Internal when error.Status.DebugException is HttpRequestException =>
                    $"exec: no executor can be reached at {executor.Address.Authority}: {WhyNot(error, executor)}",
                StatusCode.DeadlineExceeded when error.Status.Detail.Length == 0 =>
                    $"exec: {executor.Address.Authority} did not answer in time: is it an executor, and is it well?",
                _ => $"exec: {executor.Address.Authority} answered {error.StatusCode}: {error.Status.Detail}",
            });
            return ExitCodes.ExecutorFailed;
        }
        catch (FaultException error)
        {
            reporter.Step($"exec: {error.Fault.Detail}");
            return ExitCodes.ExecutorFailed;
        }
    }

    /// <summary>Why a connection did not come about, with the option that may help.</summary>
    private static string WhyNot(RpcException error, RemoteExecutorOptions executor)
    {
        var explained = ConnectProblem.Explain(error, executor.Store.Endpoints, "--cert-file and --key-file");
        if (explained != error.Status.Detail)
            return explained;
        var cause = error.Status.DebugException?.GetBaseException();
        var text = cause?.Message ?? error.Status.Detail;
        if (text.Contains("remote certificate", StringComparison.Ordinal))
            return $"{text}; --ca-file names an authority to trust";
        return cause is HttpIOException && executor.Address.Scheme == Uri.UriSchemeHttp
            ? $"{text}; it may want TLS: grpcs://"
            : text;
    }

    private static IExecReporter Reporter() => Console.IsErrorRedirected
        ? new PlainExecReporter(Console.Error)
        : new TerminalExecReporter(
            AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) }));
}
