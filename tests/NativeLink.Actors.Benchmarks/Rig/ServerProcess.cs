using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace NativeLink.Actors.Benchmarks.Rig;

/// <summary>The published program, running as a server of its own.</summary>
internal sealed partial class ServerProcess : IAsyncDisposable
{
    // Long enough for a slow machine whose disks still write what the measurement before has left.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    private static readonly List<Process> Running = [];

    private readonly Process _process;
    private int _disposed;
    private readonly List<string> _errors = [];

    private ServerProcess(Process process)
    {
        _process = process;
        lock (Running)
            Running.Add(process);
        _process.ErrorDataReceived += (_, line) => Remember(line.Data);
        _process.BeginErrorReadLine();
    }

    /// <summary>Where clients connect; empty for a worker alone.</summary>
    public string Client { get; private set; } = "";

    /// <summary>Where workers connect; empty for a worker alone.</summary>
    public string WorkerApi { get; private set; } = "";

    public int Id => _process.Id;

    /// <summary>Starts <c>local</c> and waits until it says that it is ready.</summary>
    public static Task<ServerProcess> StartLocalAsync(BenchContext context, params string[] switches) =>
        StartLocalIn(context.NewDirectory("local"), context, switches);

    /// <summary>
    /// As <see cref="StartLocalAsync"/>, with everything
    /// that it keeps below <paramref name="data"/>.
    /// </summary>
    public static async Task<ServerProcess> StartLocalIn(string data, BenchContext context, params string[] switches)
    {
        var server = LaunchLocal(context, data, null, switches);
        await server.ReadyAsync();
        return server;
    }

    /// <summary>Starts <c>local</c> without waiting for it.</summary>
    /// <param name="file">A configuration file, or null.</param>
    public static ServerProcess LaunchLocal(BenchContext context, string data, string? file, params string[] switches)
    {
        string[] arguments = ["local", "--listen", "127.0.0.1:0", "--worker-api-listen", "127.0.0.1:0", "--data", data,
            "--log-level", "WARN", .. switches];
        return new ServerProcess(
            BenchContext.Start(context.Binary, file is null ? arguments : [.. arguments, "--config", file]));
    }

    /// <summary>
    /// Starts <c>local</c> with its log in a file, as an ordinary
    /// user when one is named, and waits until it is ready.
    /// </summary>
    public static Task<ServerProcess> StartLoggedAsync(
        BenchContext context, string data, string log, int? user, params string[] switches) =>
        StartLoggedBelowAsync([], context, data, log, user, switches);

    /// <summary>
    /// As <see cref="StartLoggedAsync"/>, executed by a program
    /// that these words start and that keeps the process id.
    /// </summary>
    public static async Task<ServerProcess> StartLoggedBelowAsync(
        string[] starter, BenchContext context, string data, string log, int? user, params string[] switches)
    {
        string[] home = user is null ? [] : ["env", $"HOME={data}"];
        string[] command = [.. Become(user), .. home, .. starter, context.Binary, "local", "--listen", "127.0.0.1:0",
            "--worker-api-listen", "127.0.0.1:0", "--data", data, .. switches];
        var server = new ServerProcess(
            BenchContext.Start("/bin/sh", ["-c", "exec 2>\"$0\"; exec \"$@\"", log, .. command]));
        await server.ReadyAsync();
        return server;
    }

    /// <summary>Sends it a signal, by the name that kill(1) has for it.</summary>
    public void Signal(string name)
    {
        using var kill = Process.Start("kill", [$"-{name}", Id.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit(Patience);
    }

    /// <summary>Asks it to end; whether it did within the time.</summary>
    public async Task<bool> EndsWithinAsync(TimeSpan limit)
    {
        Signal("TERM");
        using var patience = new CancellationTokenSource(limit);
        await _process.WaitForExitAsync(patience.Token).ContinueWith(static _ => { }, TaskScheduler.Default);
        return _process.HasExited;
    }

    /// <summary>Waits until <c>local</c> says that it is ready, and where.</summary>
    public async Task ReadyAsync()
    {
        while (WorkerApi.Length == 0)
        {
            if (Address().Match(await LineAsync("local")) is not { Success: true } match)
                continue;
            if (Client.Length == 0)
                Client = match.Groups[1].Value;
            else
                WorkerApi = match.Groups[1].Value;
        }
    }

    /// <summary>Starts a worker for a file; does not wait for its registration.</summary>
    public static ServerProcess StartWorker(BenchContext context, string file, params string[] switches) =>
        new(BenchContext.Start(context.Binary, ["--config", file, "--worker", "--log-level", "WARN", .. switches]));

    /// <summary>As <see cref="StartWorker"/>, with its log, of the usual levels, added to a file.</summary>
    /// <param name="user">The ordinary user that it runs as; null: the user of this process.</param>
    public static ServerProcess StartWorkerLogged(
        BenchContext context, string file, string log, int? user = null) =>
        new(BenchContext.Start("/bin/sh", ["-c", "exec 2>>\"$0\"; exec \"$@\"", log, .. Become(user), context.Binary,
            "--config", file, "--worker"]));

    /// <summary>As <see cref="StartWorker"/>, as an ordinary user.</summary>
    public static ServerProcess StartWorkerAs(int user, BenchContext context, string file) => new(BenchContext.Start(
        "/usr/bin/env", [.. Become(user), context.Binary, "--config", file, "--worker", "--log-level", "WARN"]));

    /// <summary>Starts this program's own <see cref="InstantWorker"/> for a worker's file.</summary>
    public static ServerProcess StartInstantWorker(string file) =>
        new(BenchContext.Start(Environment.ProcessPath!, [InstantWorkerCommand, file]));

    /// <summary>
    /// Starts this program's own <see cref="Floors.BareStream"/>;
    /// <see cref="Client"/> is its address.
    /// </summary>
    public static async Task<ServerProcess> StartBareStreamAsync()
    {
        var server = new ServerProcess(BenchContext.Start(Environment.ProcessPath!, [Floors.BareStream.ServerCommand]));
        server.Client = Address().Match(await server.LineAsync("the server of the bare stream")).Groups[1].Value;
        return server;
    }

    /// <summary>The command line word for <see cref="InstantWorker"/>.</summary>
    public const string InstantWorkerCommand = "instant-worker";

    /// <summary>Ends the server alone with SIGKILL; what it has started lives on.</summary>
    public void Kill()
    {
        _process.Kill();
        // With a limit, so that it does not wait for the end of the output, which a process left behind may hold open.
        _process.WaitForExit(Patience);
    }

    /// <summary>Ends every server that still runs, at once.</summary>
    public static void KillAll()
    {
        lock (Running)
        {
            foreach (var process in Running)
                process.Kill(entireProcessTree: true);
            Running.Clear();
        }
    }

    /// <summary>
    /// Waits for something that this server should bring
    /// about; throws with what it printed when it ends before.
    /// </summary>
    public async Task<T> ExpectAsync<T>(Task<T> sign)
    {
        if (await Task.WhenAny(sign, _process.WaitForExitAsync()) == sign)
            return await sign;
        throw new InvalidOperationException($"a server ended with code {_process.ExitCode}: {Printed}");
    }

    /// <summary>What it wrote to stderr so far.</summary>
    public string Printed
    {
        get
        {
            lock (_errors)
                return string.Join('\n', _errors);
        }
    }

    /// <summary>Resident memory in MB (10^6 bytes).</summary>
    public double ResidentMegabytes() => StatusKilobytes("VmRSS:") * 1024 / 1e6;

    /// <summary>The most resident memory that it has had, in MB (10^6 bytes).</summary>
    public double PeakMegabytes() => StatusKilobytes("VmHWM:") * 1024 / 1e6;

    /// <summary>User and system time so far.</summary>
    public TimeSpan CpuTime()
    {
        _process.Refresh();
        return _process.TotalProcessorTime;
    }

    private static string[] Become(int? user) => user is { } id
        ? ["setpriv", $"--reuid={id}", $"--regid={id}", "--clear-groups"]
        : [];

    private async Task<string> LineAsync(string name)
    {
        try
        {
            return await _process.StandardOutput.ReadLineAsync().WaitAsync(Patience)
                ?? throw new InvalidOperationException($"{name} ended before it was ready: {Printed}");
        }
        catch (TimeoutException)
        {
            throw new InvalidOperationException($"{name} was not ready within {Patience}: {Printed}");
        }
    }

    private double StatusKilobytes(string field) => File.ReadLines($"/proc/{Id}/status")
        .Where(line => line.StartsWith(field, StringComparison.Ordinal))
        .Select(line => double.Parse(line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1],
            CultureInfo.InvariantCulture))
        .First();

    private void Remember(string? line)
    {
        if (line is null)
            return;
        lock (_errors)
            _errors.Add(line);
    }

    /// <summary>
    /// Asks it to end, the second time at once (SIGINT is ignored
    /// below a script's background job), and kills it in the end.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        foreach (var patience in (TimeSpan[])[TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(30)])
        {
            if (_process.HasExited)
                break;
            Signal("TERM");
            using var limit = new CancellationTokenSource(patience);
            await _process.WaitForExitAsync(limit.Token).ContinueWith(static _ => { }, TaskScheduler.Default);
        }
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        lock (Running)
            Running.Remove(_process);
        _process.Dispose();
    }

    [GeneratedRegex(@"grpc://(\S+)")]
    private static partial Regex Address();
}
