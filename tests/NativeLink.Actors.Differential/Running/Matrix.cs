using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using NativeLink.Actors.Differential.Generation;
using NativeLink.Actors.Testing.Workers;

namespace NativeLink.Actors.Differential.Running;

/// <summary>What came of one run of all actions.</summary>
/// <param name="Differences">Sentences, each with the number of its action.</param>
/// <param name="NotRun">Why the materialiser could not be had here; null when it was.</param>
internal sealed record MatrixCell(
    string Materialiser, DigestFunction Function, int Actions, int RoundTrips, TimeSpan Took,
    IReadOnlyList<string> Differences, string? NotRun);

/// <summary>Runs the same actions with each materialiser and each digest function.</summary>
internal sealed class Matrix(int seed, int count)
{
    public static readonly IReadOnlyList<string> Materialisers = ["overlay", "reflink", "hardlink", "copy"];

    private static readonly TimeSpan Bound = TimeSpan.FromMinutes(5);

    private readonly IReadOnlyList<GeneratedAction> _actions = ActionGenerator.Generate(seed, count);
    private readonly Dictionary<(DigestFunction Function, int Action), (string Materialiser,
        Reapi.ActionResult Result)> _results = [];

    /// <summary>Both digest functions with one materialiser.</summary>
    public async Task<IReadOnlyList<MatrixCell>> RunAsync(string materialiser)
    {
        using var place = Place.For(materialiser);
        if (place.WhyNot is { } whyNot)
            return NotRun(materialiser, whyNot);
        WorkerRig rig;
        try
        {
            rig = await WorkerRig.StartAsync(place.Path, materialiser, NullLoggerFactory.Instance);
        }
        catch (FaultException error)
        {
            return NotRun(materialiser, error.Fault.Detail);
        }
        await using (rig)
            return [await RunAsync(rig, materialiser, DigestFunction.Sha256),
                await RunAsync(rig, materialiser, DigestFunction.Blake3)];
    }

    private static MatrixCell[] NotRun(string materialiser, string whyNot) =>
        [.. new[] { DigestFunction.Sha256, DigestFunction.Blake3 }.Select(
            function => new MatrixCell(materialiser, function, 0, 0, default, [], whyNot))];

    private async Task<MatrixCell> RunAsync(WorkerRig rig, string materialiser, DigestFunction function)
    {
        var (started, differences, trips) = (Stopwatch.GetTimestamp(), new ConcurrentQueue<string>(), 0);
        await Task.WhenAll(_actions.Select(async action =>
        {
            void Differs(string what) => differences.Enqueue(
                $"seed {seed}, action {action.Number}, {materialiser}, {function}: {what}");
            var expected = new Expectation(action, function);
            foreach (var (digest, content) in expected.Needed.Where(blob => !blob.Key.IsEmpty))
                rig.Cas.Blobs[digest] = content;
            var result = ResultCheck.Check(expected, await rig.ExecuteAsync(expected.Action).WaitAsync(Bound), rig.Cas,
                Differs);
            if (result is null)
                return;
            Compare(function, action.Number, materialiser, result, Differs);
            if (RoundTrip.Begin(rig, result, action.Command, function) is not { } trip)
                return;
            Interlocked.Increment(ref trips);
            trip.Check(await rig.ExecuteAsync(trip.Action).WaitAsync(Bound), Differs);
        }));
        foreach (var second in rig.Scheduler.Unasked)
            differences.Enqueue($"seed {seed}, {materialiser}, {function}: an answer that nobody asked for: {second}");
        if (rig.Scheduler.Connections != 1)
            differences.Enqueue(
                $"seed {seed}, {materialiser}, {function}: the worker connected {rig.Scheduler.Connections} times");
        return new MatrixCell(materialiser, function, _actions.Count, trips, Stopwatch.GetElapsedTime(started),
            [.. differences], null);
    }

    /// <summary>The whole result, Tree digests too, is the same whatever made the input root.</summary>
    private void Compare(
        DigestFunction function, int action, string materialiser, Reapi.ActionResult result, Action<string> differs)
    {
        lock (_results)
        {
            if (_results.TryAdd((function, action), (materialiser, result)))
                return;
            var (first, known) = _results[(function, action)];
            if (!known.Equals(result))
                differs($"{first} gave {known}\n    {materialiser} gave {result}");
        }
    }
}
