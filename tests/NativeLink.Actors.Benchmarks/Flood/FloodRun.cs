using System.Globalization;
using NativeLink.Actors.Benchmarks.Rig;

namespace NativeLink.Actors.Benchmarks.Flood;

/// <summary>
/// The command <c>flood</c>: thousands of operations given to a worker at once. Each has one answer; what waits has a
/// bound, so that a larger flood than that needs little more memory; and keep-alives keep their
/// period, also while large outputs are hashed and uploaded.
/// </summary>
internal static class FloodRun
{
    public const string Uploads = "uploads";

    private const int Inflight = 8;
    private const int UploadSeconds = 300;

    // Of those that are too many the name until they are refused, and the answer.
    private const double MegabytesForEachBeyond = 1e-3;

    // What may wait at one worker.
    private const int AtBound = 16_384 + Inflight;

    private static readonly int[] Counts = [10_000, AtBound, 100_000];

    /// <returns>0 when all holds.</returns>
    public static async Task<int> RunAsync(BenchContext context, Arguments arguments)
    {
        var counts = arguments.Words.Where(static word => word != Uploads)
            .Select(static word => int.Parse(word, CultureInfo.InvariantCulture)).ToList();
        var holds = true;
        if (arguments.Words.Count == 0 || counts.Count > 0)
            holds &= await FloodsAsync(
                context, counts.Count > 0 ? [.. counts.Append(AtBound).Distinct().Order()] : Counts);
        if (arguments.Words.Count == 0 || arguments.Words.Contains(Uploads))
        {
            var (kept, line) = await UploadLoad.MeasureAsync(
                context, TimeSpan.FromSeconds(arguments.Seconds ?? UploadSeconds));
            Console.WriteLine(line);
            holds &= kept;
        }
        Console.WriteLine($"flood: {(holds ? "ok" : "FAIL")}");
        return holds ? 0 : 1;
    }

    private static async Task<bool> FloodsAsync(BenchContext context, IReadOnlyList<int> counts)
    {
        var (holds, outcomes) = (true, new List<FloodOutcome>());
        foreach (var count in counts)
        {
            var outcome = await OperationFlood.MeasureAsync(context, count);
            Console.WriteLine($"{outcome}\n{outcome.Gaps.Line}");
            holds &= outcome.EachOnce && outcome.Gaps.Holds;
            outcomes.Add(outcome);
        }
        var bound = outcomes.Single(static outcome => outcome.Count == AtBound).Megabytes;
        foreach (var outcome in outcomes.Where(static outcome => outcome.Count > AtBound))
        {
            var most = bound + ((outcome.Count - AtBound) * MegabytesForEachBeyond);
            var fits = outcome.Megabytes <= most;
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{(fits ? "ok  " : "FAIL")} memory of {outcome.Count:N0}: {outcome.Megabytes:0} MB, at most " +
                $"{most:0} may be: the {bound:0} of {AtBound:N0}, which is the bound, and a kilobyte for each beyond"));
            holds &= fits;
        }
        return holds;
    }
}
