using System.Diagnostics;
using System.Text;

namespace NativeLink.Actors.EndToEnd;

/// <summary>A real process of a test: ended by its id, and only waited for within bounds.</summary>
internal sealed class RunningProgram : IAsyncDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly Lock _gate = new();

    private RunningProgram(Process process) => _process = process;

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    public string Output
    {
        get
        {
            lock (_gate)
                return _output.ToString();
        }
    }

    public static RunningProgram Start(string program, IEnumerable<string> arguments, string? directory = null)
    {
        // Below nohup, or a script's background job, a child would ignore it for good.
        var info = new ProcessStartInfo("/usr/bin/env", ["--default-signal=INT,HUP", program, .. arguments])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
            RedirectStandardInput = true,
            WorkingDirectory = directory ?? Path.GetTempPath(),
        };
        var running = new RunningProgram(new Process { StartInfo = info });
        running._process.OutputDataReceived += (_, line) => running.Add(line.Data);
        running._process.ErrorDataReceived += (_, line) => running.Add(line.Data);
        running._process.Start();
        running._process.StandardInput.Close();
        running._process.BeginOutputReadLine();
        running._process.BeginErrorReadLine();
        return running;
    }

    /// <summary>Waits until this text was printed so many times.</summary>
    public async Task<RunningProgram> Says(string text, TimeSpan within, int times = 1)
    {
        var end = Stopwatch.StartNew();
        while (Output.Split(text).Length <= times)
        {
            Assert.False(
                _process.HasExited,
                $"{_process.StartInfo.FileName} exited with {(_process.HasExited ? _process.ExitCode : 0)} before " +
                $"it said '{text}':\n{Output}");
            Assert.True(
                end.Elapsed < within, $"{_process.StartInfo.FileName} did not say '{text}' within {within}:\n{Output}");
            await Task.Delay(20);
        }
        return this;
    }

    public async Task<int> Exit(TimeSpan within)
    {
        using var bound = new CancellationTokenSource(within);
        try
        {
            await _process.WaitForExitAsync(bound.Token);
        }
        catch (OperationCanceledException)
        {
            Assert.Fail(
                $"{_process.StartInfo.FileName} {string.Join(' ', _process.StartInfo.ArgumentList)} did not exit " +
                $"within {within}:\n{Output}");
        }
        return _process.ExitCode;
    }

    public void Signal(string name)
    {
        using var kill = Process.Start("kill", [$"-{name}", $"{_process.Id}"]);
        kill.WaitForExit(5000);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            Signal("TERM");
            using var bound = new CancellationTokenSource(TimeSpan.FromSeconds(10));
            try
            {
                await _process.WaitForExitAsync(bound.Token);
            }
            catch (OperationCanceledException)
            {
                _process.Kill();
            }
        }
        _process.Dispose();
    }

    private void Add(string? line)
    {
        if (line is null)
            return;
        lock (_gate)
            _output.AppendLine(line);
    }
}
