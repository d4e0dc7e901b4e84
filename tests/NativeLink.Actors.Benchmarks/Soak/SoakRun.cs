using System.Diagnostics;
using Grpc.Core;
using NativeLink.Actors.Benchmarks.Plots;
using NativeLink.Actors.Benchmarks.Rig;

namespace NativeLink.Actors.Benchmarks.Soak;

/// <summary>The command <c>soak</c>.</summary>
internal sealed class SoakRun
{
    private const int Inflight = 8;
    private const int OrdinaryUser = 1000;

    private static readonly TimeSpan AnswerBound = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan EndBound = TimeSpan.FromSeconds(30);

    private readonly ServerProcess _server;
    private readonly SoakKinds _kinds;
    private readonly int _count;
    private readonly string _data;
    private readonly string _log;
    private readonly List<SoakSample> _samples = [];
    private readonly long _began = Stopwatch.GetTimestamp();
    private readonly Lock _gate = new();
    private int _next;
    private int _done;
    private long _blobs;
    private volatile string? _broken;

    private SoakRun(ServerProcess server, SoakKinds kinds, int count, string data, string log) =>
        (_server, _kinds, _count, _data, _log) = (server, kinds, count, data, log);

    /// <returns>0 when every action had its answer and all stayed flat; 1 when something grew; 3
    /// when an action had no answer, or a wrong one.</returns>
    public static async Task<int> RunAsync(BenchContext context, Arguments arguments)
    {
        var (data, log) = (context.NewDirectory("soak"), Path.Combine(context.NewDirectory("soak-log"), "log"));
        int? user = arguments.User && Environment.IsPrivilegedProcess ? OrdinaryUser : null;
        if (user is { } owner)
            await BenchContext.RunAsync("chown", [$"{owner}:{owner}", data], EndBound);
        Console.WriteLine($"seed {arguments.Seed}; again with --seed {arguments.Seed}");
        await using var server = await ServerProcess.StartLoggedAsync(
            context, data, log, user, "--workers", "1", "--max-inflight", $"{Inflight}");
        var run = new SoakRun(server, new SoakKinds(arguments.Seed), arguments.SoakCount!.Value, data, log);
        var code = await run.RunAsync();
        if (!await server.EndsWithinAsync(EndBound))
            code = run.Break(
                $"it did not end within {EndBound.TotalSeconds} s of SIGTERM\n{WhoWaits.Describe(server.Id)}");
        else if (SoakSample.CountGroups(server.Id) is > 0 and var left)
            code = run.Break($"{left} groups are left after its end");
        run.WritePlot(Path.Combine(Directory.CreateDirectory(arguments.Out ?? ".").FullName, arguments.User
            ? "soak-user.svg"
            : "soak.svg"));
        Console.WriteLine(code == 0 ? "soak: ok" : "soak: FAIL");
        return code;
    }

    private async Task<int> RunAsync()
    {
        Sample(0);
        await Task.WhenAll(Enumerable.Range(0, Inflight).Select(_ => LaneAsync()));
        if (_broken is not null)
            return 3;
        var verdicts = SoakVerdict.Judge(_samples);
        foreach (var (_, line) in verdicts)
            Console.WriteLine(line);
        return verdicts.All(static verdict => verdict.Holds) ? 0 : 1;
    }

    /// <summary>One after the other, on a connection of its own.</summary>
    private async Task LaneAsync()
    {
        using var client = new LoadClient(_server.Client);
        while (_broken is null && Interlocked.Increment(ref _next) is var number && number <= _count)
        {
            try
            {
                var (action, expected, script) = _kinds.Add(client.Blobs, number);
                Interlocked.Add(
                    ref _blobs, client.Blobs.Pending.Keys.Count(static digest => digest.SizeBytes > "input 00".Length));
                await client.UploadAsync();
                var answer = await client.AnswerAsync(action, AnswerBound);
                if (answer.Status is { Code: not 0 } || answer.Result.ExitCode != expected)
                    Break($"action {number} ({script}), which exits with {expected}: {answer}");
                Done(answer.Result);
            }
            catch (RpcException error)
            {
                Break($"action {number} had no answer: {error.Status}\n{WhoWaits.Describe(_server.Id)}");
            }
        }
    }

    private void Done(Reapi.ActionResult result)
    {
        // Its outputs, a Tree and a directory for each of those, and what the action cache keeps.
        Interlocked.Add(ref _blobs, result.OutputFiles.Count + (2 * result.OutputDirectories.Count) + 1);
        var done = Interlocked.Increment(ref _done);
        if (done % 1000 == 0 || done == _count)
            Sample(done);
    }

    private void Sample(int done)
    {
        lock (_gate)
        {
            var sample = SoakSample.Take(_server.Id, _data, _log, done, Stopwatch.GetElapsedTime(_began),
                Interlocked.Read(ref _blobs));
            _samples.Add(sample);
            Console.WriteLine(sample);
        }
    }

    private int Break(string what)
    {
        lock (_gate)
        {
            if (_broken is null)
                Console.WriteLine(what);
            _broken = what;
        }
        return 3;
    }

    private void WritePlot(string file)
    {
        if (_samples.Count < 3)
            return;
        // All on one axis: each as a share of the most that there was of it.
        Curve Share(string name, string unit, Func<SoakSample, double> figure)
        {
            var most = Math.Max(_samples.Max(figure), 1e-9);
            return new Curve($"{name}, at most {most:0.#}{unit}",
                [.. _samples.Select(sample => ((double)sample.Actions, figure(sample) / most * 100))]);
        }
        Plot.Write(file, $"{_done:N0} actions of mixed kinds through local, {Inflight} in flight",
            "what the process has, in percent of the most that it had; the log grows by design",
            new Axes("actions", "% of the most", LogX: false, LogY: false),
            [
                Share("resident memory", " MB", static s => s.Megabytes),
                Share("descriptors", "", static s => s.Descriptors),
                Share("threads", "", static s => s.Threads),
                Share("mounts", "", static s => s.Mounts),
                Share("groups", "", static s => s.Groups),
                Share("log", " MB", static s => s.LogMegabytes),
            ]);
        Console.WriteLine($"plot: {file}");
    }
}
