using System.Diagnostics;
using System.Globalization;
using System.Threading.Channels;

namespace NativeLink.Actors.Cli.Tests.Rig;

/// <summary>The real program, as a process.</summary>
internal sealed class Program : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private static readonly string Executable = Path.Combine(AppContext.BaseDirectory, "nativelink-actors");

    private readonly Process _process;
    private readonly Channel<string> _lines = Channel.CreateUnbounded<string>();
    private readonly List<string> _seen = [];
    private readonly Task _reading;

    private Program(Process process)
    {
        _process = process;
        _reading = Task.WhenAll(ReadAsync(process.StandardOutput), ReadAsync(process.StandardError));
    }

    public int Id => _process.Id;

    /// <summary>Everything printed so far, both streams.</summary>
    public string Output
    {
        get
        {
            lock (_seen)
                return string.Join('\n', _seen);
        }
    }

    /// <summary>Runs to the end; exit code, stdout and stderr.</summary>
    public static async Task<(int Code, string Out, string Error)> RunAsync(params string[] arguments) =>
        await RunAsync([], arguments);

    public static async Task<(int Code, string Out, string Error)> RunAsync(
        Dictionary<string, string> environment, params string[] arguments)
    {
        return await RunCommandAsync(environment, [Executable, .. arguments]);
    }

    /// <summary>As <see cref="RunAsync(string[])"/>, with whatever stands before the program's path.</summary>
    public static async Task<(int Code, string Out, string Error)> RunCommandAsync(
        Dictionary<string, string> environment, params string[] command)
    {
        using var process = StartProcess(environment, command);
        using var limit = new CancellationTokenSource(Patience);
        var texts = await Task.WhenAll(process.StandardOutput.ReadToEndAsync(limit.Token),
            process.StandardError.ReadToEndAsync(limit.Token));
        await process.WaitForExitAsync(limit.Token);
        return (process.ExitCode, texts[0], texts[1]);
    }

    public static Program Start(params string[] arguments) => StartCommand([Executable, .. arguments]);

    public static Program StartCommand(params string[] command) => new(StartProcess([], command));

    /// <summary>Starts <c>local</c> on free ports; completes when it is ready.</summary>
    public static Task<(Program Program, string Client, string WorkerApi)> StartLocalAsync(
        string data, params string[] switches) =>
        StartLocalAsync([Executable], data, switches);

    public static async Task<(Program Program, string Client, string WorkerApi)> StartLocalAsync(
        string[] command, string data, params string[] switches)
    {
        var program = StartCommand([.. command, "local", "--listen", "127.0.0.1:0", "--worker-api-listen",
            "127.0.0.1:0", "--data", data, .. switches]);
        var client = Address(await program.WaitForAsync("--remote_executor="));
        return (program, client, Address(await program.WaitForAsync("grpc://")));
    }

    /// <summary>The next line that holds the text; lines before it are passed over.</summary>
    public async Task<string> WaitForAsync(string text)
    {
        using var limit = new CancellationTokenSource(Patience);
        try
        {
            while (true)
            {
                var line = await _lines.Reader.ReadAsync(limit.Token);
                if (line.Contains(text, StringComparison.Ordinal))
                    return line;
            }
        }
        catch (Exception error) when (error is OperationCanceledException or ChannelClosedException)
        {
            throw new InvalidOperationException($"no line with '{text}' came; there was:\n{Output}");
        }
    }

    public void Signal(string name)
    {
        using var kill = Process.Start("kill", ["-" + name, _process.Id.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    public async Task<int> ExitCodeAsync()
    {
        using var limit = new CancellationTokenSource(Patience);
        await _process.WaitForExitAsync(limit.Token);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        await _reading.WaitAsync(Patience);
        _process.Dispose();
    }

    private static string Address(string line) =>
        line[(line.IndexOf("grpc://", StringComparison.Ordinal) + 7)..].Trim();

    private static Process StartProcess(Dictionary<string, string> environment, string[] command)
    {
        // Below nohup, or a script's background job, a child would ignore it for good.
        var start = new ProcessStartInfo("/usr/bin/env", ["--default-signal=INT,HUP", .. command])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        start.Environment.Remove("NL_LOG");
        start.Environment.Remove("RUST_LOG");
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        var process = Process.Start(start)!;
        process.StandardInput.Close();
        return process;
    }

    private async Task ReadAsync(StreamReader reader)
    {
        while (await reader.ReadLineAsync() is { } line)
        {
            lock (_seen)
                _seen.Add(line);
            _lines.Writer.TryWrite(line);
        }
    }
}
