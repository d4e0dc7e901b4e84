using System.Globalization;
using Akka.Actor;
using NativeLink.Actors.Simulation.Checkers;

namespace NativeLink.Actors.Simulation.World;

/// <summary>
/// What everything simulated shares: one clock, one seed for every draw, one trace, what goes wrong, and who looks on.
/// </summary>
internal sealed class SimWorld(SimTime time, Random random, SimTrace trace, SimFaults faults) : IExtension
{
    private const int MostViolations = 50;

    private int _number;

    public SimTime Time => time;

    public Random Random => random;

    public SimTrace Trace => trace;

    public SimFaults Faults => faults;

    public SimActors Actors { get; } = new();

    /// <summary>
    /// Called on an actor's own thread, before it hears the message that has just been taken for it; may answer another
    /// one, which comes first.
    /// </summary>
    public Func<IActorRef, object?>? Taken { get; set; }

    /// <summary>Who looks on.</summary>
    public List<Checker> Checkers { get; } = [];

    /// <summary>What did not hold, with the virtual time at which that was seen; the first ones.</summary>
    public List<string> Violations { get; } = [];

    /// <summary>By which the simulation counts; not what the hosts' clocks say.</summary>
    public DateTimeOffset Now => time.Clock.UtcNow;

    /// <summary>A number that nothing else of the run has: streams and processes are told apart by theirs.</summary>
    public int NextNumber() => ++_number;

    public bool Chance(double share) => random.NextDouble() < share;

    /// <summary>Some milliseconds of virtual time.</summary>
    public TimeSpan Some(int least, int most) => TimeSpan.FromMilliseconds(random.Next(least, most + 1));

    public Task DelayAsync(int least, int most, CancellationToken cancellation) =>
        time.DelayAsync(Some(least, most), cancellation);

    /// <summary>Whether something goes wrong now; the trace says so.</summary>
    public bool Strike(SimFault kind, string where)
    {
        if (!faults.Strike(kind))
            return false;
        trace.Add($"fault {kind} {where}");
        return true;
    }

    public void Violate(string what)
    {
        trace.Add($"violation {what}");
        if (Violations.Count < MostViolations)
            Violations.Add(string.Create(
                CultureInfo.InvariantCulture, $"{time.Clock.Elapsed.TotalSeconds:0.000} s: {trace.Own(what)}"));
    }

    /// <summary>Tells everybody who looks on.</summary>
    public void Tell(Action<Checker> what) => Checkers.ForEach(what);

    public static string Text(FormattableString text) => FormattableString.Invariant(text);

    public static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    public static string Short(in Digest digest) =>
        string.Create(CultureInfo.InvariantCulture, $"{digest.Hash[..8]}/{digest.SizeBytes}");
}
