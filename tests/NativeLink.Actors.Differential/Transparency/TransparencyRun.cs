using System.Collections.Concurrent;
using Microsoft.Extensions.Logging.Abstractions;
using NativeLink.Actors.Differential.Running;
using NativeLink.Actors.Testing.Workers;

namespace NativeLink.Actors.Differential.Transparency;

/// <summary>What came of all programs with one materialiser.</summary>
/// <param name="Faults">Differences that are not intended, and intended ones that do not occur any
/// more; each a paragraph.</param>
/// <param name="Skipped">Programs that were not run, each with the reason.</param>
/// <param name="NotRun">Why the materialiser could not be had here; null when it was.</param>
internal sealed record TransparencyCell(
    string Materialiser, int Same, int Intended, IReadOnlyList<string> Faults, IReadOnlyList<string> Skipped,
    string? NotRun);

/// <summary>
/// Runs each program once in a plain directory and once
/// as an action, as the user that this process is of.
/// </summary>
internal sealed class TransparencyRun(IReadOnlyList<SmallProgram> programs)
{
    private const int AtOnce = 4;

    private readonly ConcurrentDictionary<string, (Seen? Plain, string? WhyNot)> _plain = new();

    public static string User => Environment.IsPrivilegedProcess ? "root" : "an ordinary user";

    public async Task<TransparencyCell> RunAsync(string materialiser)
    {
        using var place = Place.For(materialiser);
        if (place.WhyNot is { } whyNot) return NotRun(materialiser, whyNot);
        WorkerRig rig;
        try
        {
            rig = await WorkerRig.StartAsync(place.Path, materialiser, NullLoggerFactory.Instance);
        }
        catch (FaultException error)
        {
            return NotRun(materialiser, error.Fault.Detail);
        }

        await using (rig) return await RunAsync(materialiser, rig);
    }

    private static TransparencyCell NotRun(string materialiser, string why) => new(materialiser, 0, 0, [], [], why);

    private async Task<TransparencyCell> RunAsync(string materialiser, WorkerRig rig)
    {
        var (faults, skipped, same, intended) = (new ConcurrentQueue<string>(), new ConcurrentQueue<string>(), 0, 0);
        await Parallel.ForEachAsync(programs, new ParallelOptions
        {
            MaxDegreeOfParallelism = AtOnce,
        }, async (program, _) =>
        {
            var (plain, whyNot) = await PlainAsync(program);
            if (whyNot is null && program.ChangesInputs && materialiser == "hardlink") whyNot =
                "it writes into its inputs, which here are the store's own files";
            if (whyNot is not null)
            {
                skipped.Enqueue($"{program.Name}: {whyNot}");
                return;
            }

            var difference = (await ActionRun.RunAsync(program, rig)).DifferenceTo(plain!);
            var wanted = IntendedDifference.All.Where(one => one.Program == program.Name
                && one.AppliesTo(materialiser, !Environment.IsPrivilegedProcess)).ToList();
            if (difference is null && wanted.Count == 0) Interlocked.Increment(ref same);
            else if (difference is not null && wanted.Count > 0) Interlocked.Add(ref intended, wanted.Count);
            else if (difference is not null) faults.Enqueue($"{program.Name}, {materialiser}, {User}:{difference}");
            else faults.Enqueue(
                $"{program.Name}, {materialiser}, {User}: there is no difference any more: " +
                $"{string.Join("; ", wanted.Select(static one => one.Row))}");
        });
        return new TransparencyCell(materialiser, same, intended, [.. faults],
            [.. skipped.Order(StringComparer.Ordinal)], null);
    }

    /// <summary>What a program does in a plain directory is the same whatever the materialiser.</summary>
    private async Task<(Seen? Plain, string? WhyNot)> PlainAsync(SmallProgram program)
    {
        if (_plain.TryGetValue(program.Name, out var known)) return known;
        using var directory = new TempDirectory();
        var (trial, run) = (directory.At("trial"), directory.At("run"));
        Directory.CreateDirectory(trial);
        Directory.CreateDirectory(run);
        var whyNot = await PlainRun.WhyNotAsync(program, trial);
        return _plain[program.Name] = (whyNot is null ? await PlainRun.RunAsync(program, run) : null, whyNot);
    }
}
