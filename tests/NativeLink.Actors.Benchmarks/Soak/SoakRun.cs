using System.Diagnostics;
using Grpc.Core;
using NativeLink.Actors.Benchmarks.Rig;

namespace NativeLink.Actors.Benchmarks.Soak;

/// <summary>The command <c>soak</c>.</summary>
internal sealed class SoakRun(SoakSubject subject, SoakKinds kinds, int count)
{
    private const int Every = 1000;

    private static readonly TimeSpan AnswerBound = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan EndBound = TimeSpan.FromSeconds(30);

    private readonly List<SoakSample> _samples = [];
    private readonly long _began = Stopwatch.GetTimestamp();
    private readonly Lock _gate = new();
    private int _next;
    private int _done;
    private volatile string? _broken;

    /// <returns>0 when every action had its answer and all stayed flat; 1 when something grew; 3
    /// when an action had no answer, or a wrong one.</returns>
    public static async Task<int> RunAsync(BenchContext context, Arguments arguments)
    {
        var (count, which) = arguments.SoakWords!.Value;
        Console.WriteLine($"seed {arguments.Seed}; again with --seed {arguments.Seed}");
        var (code, report) = (0, new SoakReport(arguments));
        foreach (var name in which is null ? [SoakSubject.Local, SoakSubject.Worker] : (string[])[which])
        {
            Console.WriteLine($"{name}:");
            code = Math.Max(code, await RunAsync(context, name, count, arguments, report));
        }
        report.Write(count);
        Console.WriteLine(code == 0 ? "soak: ok" : "soak: FAIL");
        return code;
    }

    private static async Task<int> RunAsync(
        BenchContext context, string name, int count, Arguments arguments, SoakReport report)
    {
        await using var subject = await SoakSubject.StartAsync(context, name, count, arguments.User);
        var run = new SoakRun(subject, new SoakKinds(arguments.Seed), count);
        var verdicts = await run.RunAsync();
        if (!await subject.Process.EndsWithinAsync(EndBound))
            run.Break($"it did not end within {EndBound.TotalSeconds} s of SIGTERM\n" +
                WhoWaits.Describe(subject.Process.Id));
        else if (SoakSample.CountGroups(subject.Process.Id) is > 0 and var left)
            run.Break($"{left} groups are left after its end");
        report.Add(name, run._samples, verdicts);
        return run._broken is not null ? 3 : verdicts.All(static verdict => verdict.Holds) ? 0 : 1;
    }

    private async Task<IReadOnlyList<(bool Holds, string Line)>> RunAsync()
    {
        await SampleAsync(0);
        await Task.WhenAll(Enumerable.Range(0, SoakSubject.Inflight).Select(_ => LaneAsync()));
        var verdicts = _broken is null ? SoakVerdict.Judge(_samples) : [];
        foreach (var (_, line) in verdicts)
            Console.WriteLine(line);
        return verdicts;
    }

    /// <summary>One after the other, on a connection of its own.</summary>
    private async Task LaneAsync()
    {
        using var client = new LoadClient(subject.Client);
        while (_broken is null && Interlocked.Increment(ref _next) is var number && number <= count)
        {
            var action = kinds.Add(client.Blobs, number);
            try
            {
                await client.UploadAsync();
                await AskAsync(client, action, number);
            }
            catch (RpcException error)
            {
                Break($"action {number} ({action.Script}) had no answer: {error.Status}\n" +
                    WhoWaits.Describe(subject.Process.Id));
            }
            var done = Interlocked.Increment(ref _done);
            if (done % Every == 0 || done == count)
                await SampleAsync(done);
        }
    }

    private async Task AskAsync(LoadClient client, SoakAction action, int number)
    {
        var answer = await client.AnswerAsync(action.Digest, AnswerBound, cancel: action.Ask == SoakAsk.Cancel);
        if (!action.IsAnsweredBy(answer))
            Break($"action {number} ({action.Script}), which ends with {action.Status}, {action.ExitCode}: " +
                $"{answer.Status?.Message}: {answer}");
        if (action.Ask == SoakAsk.Twice
            && !(await client.AnswerAsync(action.Digest, AnswerBound, cached: true)).CachedResult)
            Break($"action {number} ({action.Script}) was not answered from the action cache");
    }

    private async Task SampleAsync(int done)
    {
        var sample = await SoakSample.TakeAsync(
            subject.Process.Id, subject.Data, subject.Log, done, Stopwatch.GetElapsedTime(_began));
        lock (_gate)
        {
            // Two may be taken at a time.
            _samples.Add(sample);
            _samples.Sort(static (one, other) => one.Actions.CompareTo(other.Actions));
            Console.WriteLine(sample);
        }
    }

    private void Break(string what)
    {
        lock (_gate)
        {
            if (_broken is null)
                Console.WriteLine(what);
            _broken = what;
        }
    }
}
