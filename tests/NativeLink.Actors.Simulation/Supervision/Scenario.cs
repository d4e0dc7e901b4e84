using System.Collections.Immutable;
using Akka.Actor;
using NativeLink.Actors.Simulation.Running;
using NativeLink.Actors.Simulation.World;
using NativeLink.Actors.Worker.Inputs;
using NativeLink.Actors.Worker.Outputs;
using static NativeLink.Actors.Worker.PoolProtocol;

namespace NativeLink.Actors.Simulation.Supervision;

/// <summary>A small run in which actors come into some of their states.</summary>
/// <param name="Name">What befalls the workers in it.</param>
internal sealed record Scenario(string Name)
{
    private static readonly ImmutableDictionary<SimFault, int> None =
        Enum.GetValues<SimFault>().ToImmutableDictionary(static kind => kind, static _ => 0);

    private static readonly TimeSpan Midway = TimeSpan.FromSeconds(1.7);
    private static readonly TimeSpan Aftermath = TimeSpan.FromMinutes(1);

    public static readonly IReadOnlyList<Scenario> All =
    [
        new("plain"),
        new("killed")
        {
            Kinds = [SimFault.Killed, SimFault.SentAgain, SimFault.StartedAfterKill, SimFault.KilledUnknown],
        },
        new("deaf") { Kinds = [SimFault.Killed, SimFault.ProcessDeaf, SimFault.CasStalls], Most = 10 },
        new("asked first") { Kinds = [SimFault.Killed], Precondition = true },
        new("cut off")
        {
            Kinds =
            [
                SimFault.StreamBreaks, SimFault.StreamHalfOpen, SimFault.SchedulerDisconnects, SimFault.ConnectRefused,
                SimFault.ConnectHangs, SimFault.GreetedAndLeft, SimFault.NotGreeted, SimFault.LinkSlow,
            ],
        },
        new("without a CAS")
        {
            Kinds =
            [
                SimFault.CasAway, SimFault.CasStalls, SimFault.CasStreamBreaks, SimFault.CasCorrupts, SimFault.CasLoses,
                SimFault.DiskFull, SimFault.NoDescriptor, SimFault.NoThread, SimFault.ProcessCrashes,
            ],
        },
        new("drained") { Script = static (host, _) => host.Drain() },
        new("drained and killed")
        {
            Kinds = [SimFault.Killed, SimFault.SentAgain, SimFault.LinkSlow, SimFault.ProcessDeaf],
            Script = static (host, _) => host.Drain(),
        },
        new("drained and cut off")
        {
            Kinds = [SimFault.StreamBreaks, SimFault.SchedulerDisconnects, SimFault.ConnectRefused],
            Most = 6,
            Script = static (host, _) => host.Drain(),
        },
        new("paused") { Script = Pause },
        new("paused when cut off")
        {
            Kinds = [SimFault.StreamBreaks, SimFault.ConnectRefused, SimFault.Killed],
            Most = 6,
            Script = Pause,
        },
        new("ended") { Script = End },
        new("without a downloader") { Before = [Failing(typeof(CasDownloader), "StageInputs")] },
        new("without an uploader") { Before = [Failing(typeof(CasUploader), "Upload")] },
    ];

    /// <summary>What goes wrong beside.</summary>
    public IReadOnlyCollection<SimFault> Kinds { get; init; } = [];

    /// <summary>How often each of it.</summary>
    public int Most { get; init; } = 4;

    public bool Precondition { get; init; }

    /// <summary>What is done to each host in the midst of its work.</summary>
    public Action<SimHost, SimulationRun>? Script { get; init; }

    /// <summary>What fails before, and has an actor in a state that it is in only then.</summary>
    public IReadOnlyList<Throw> Before { get; init; } = [];

    public SimulationRun Run(IEnumerable<Throw> plan, out Thrower thrower, out IReadOnlyList<PoolAsker> askers)
    {
        Thrower? made = null;
        var asking = new List<PoolAsker>();
        var run = SimulationRun.Run(new RunOptions(7)
        {
            Operations = 25,
            Workers = 2,
            Afterwards = 4,
            Faults = 10,
            Most = None.SetItems(Kinds.Select(kind => KeyValuePair.Create(kind, Most))),
            Precondition = Precondition,
            Prepare = run =>
            {
                made = new Thrower(run, [.. Before, .. plan]);
                run.World.Checkers.Add(new StaysDrained(run.World));
                asking.AddRange(run.Hosts.Select(host => PoolAsker.Begin(run.System, host.Pool)));
                if (Script is { } script)
                    run.World.Time.After(Midway, () => run.Hosts.ToList().ForEach(host => script(host, run)));
            },
        });
        (thrower, askers) = (made!, asking);
        return run;
    }

    private static Throw Failing(Type actor, string message) =>
        new(Handler.AllOf(actor).First(handler => handler.Message.Name == message), 3, After: false, Forged: false);

    private static void Pause(SimHost host, SimulationRun run)
    {
        host.Pool.Tell(new PauseWorkers(null, "somebody asked for it"), ActorRefs.NoSender);
        host.Pool.Tell(new DescribeWorkers(), ActorRefs.NoSender);
        run.World.Time.After(Aftermath, () => host.Pool.Tell(new ResumeWorkers(null), ActorRefs.NoSender));
    }

    private static void End(SimHost host, SimulationRun run)
    {
        host.Pool.Tell(new ShutdownAll(), ActorRefs.NoSender);
        run.World.Time.After(Aftermath, host.Replace);
    }
}
