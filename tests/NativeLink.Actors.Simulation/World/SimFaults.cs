namespace NativeLink.Actors.Simulation.World;

/// <summary>
/// Whether something goes wrong now: each kind by draws of its own, so that leaving one out leaves the others as they
/// are; and each at most so many times, which is how a failing run is made smaller.
/// </summary>
internal sealed class SimFaults
{
    private static readonly Dictionary<SimFault, double> Chances = new()
    {
        [SimFault.CasAway] = 0.02,
        [SimFault.CasStalls] = 0.002,
        [SimFault.CasStreamBreaks] = 0.004,
        [SimFault.CasCorrupts] = 0.002,
        [SimFault.CasLoses] = 0.005,
        [SimFault.StreamBreaks] = 0.01,
        [SimFault.StreamHalfOpen] = 0.005,
        [SimFault.SchedulerDisconnects] = 0.003,
        [SimFault.ConnectRefused] = 0.1,
        [SimFault.ConnectHangs] = 0.05,
        [SimFault.GreetedAndLeft] = 0.05,
        [SimFault.NotGreeted] = 0.03,
        [SimFault.LinkSlow] = 0.02,
        [SimFault.SentAgain] = 0.02,
        [SimFault.Killed] = 0.15,
        [SimFault.StartedAfterKill] = 0.3,
        [SimFault.KilledUnknown] = 0.02,
        [SimFault.DiskFull] = 0.005,
        [SimFault.DiskSlow] = 0.02,
        [SimFault.NoDescriptor] = 0.01,
        [SimFault.NoThread] = 0.01,
        [SimFault.ProcessCrashes] = 0.03,
        [SimFault.ProcessDeaf] = 0.1,
        [SimFault.ActorFails] = 0.2,
        [SimFault.HostDrains] = 0.05,
        [SimFault.HostPauses] = 0.05,
        [SimFault.ClockSkewed] = 0.05,
        [SimFault.ClockJumps] = 0.1,
        [SimFault.ClientCancels] = 0.1,
        [SimFault.ClientVanishes] = 0.15,
        [SimFault.SchedulerFails] = 0.05,
        [SimFault.WorkerTakenOut] = 0.01,
    };

    /// <summary>What only the local cluster's scheduler and its clients know.</summary>
    public static readonly IReadOnlySet<SimFault> OfCluster = new HashSet<SimFault>
    {
        SimFault.ClientCancels, SimFault.ClientVanishes, SimFault.SchedulerFails, SimFault.WorkerTakenOut,
    };

    /// <summary>What only NativeLink's simulated rules do.</summary>
    public static readonly IReadOnlySet<SimFault> OfRules = new HashSet<SimFault>
    {
        SimFault.Killed, SimFault.SentAgain, SimFault.StartedAfterKill,
    };

    private readonly Dictionary<SimFault, Random> _randoms;
    private readonly IReadOnlyDictionary<SimFault, int> _most;
    private readonly double _scale;

    /// <param name="seed">Of the run.</param>
    /// <param name="scale">What the usual chances are multiplied by; 0: nothing goes wrong.</param>
    /// <param name="most">How often each kind may strike; what is not named: as often as it does.</param>
    public SimFaults(int seed, double scale, IReadOnlyDictionary<SimFault, int> most)
    {
        (_scale, _most) = (scale, most);
        _randoms = Enum.GetValues<SimFault>().ToDictionary(kind => kind, kind => new Random(HashCode(seed, (int)kind)));
        Struck = Enum.GetValues<SimFault>().ToDictionary(static kind => kind, static _ => 0);
    }

    /// <summary>How often each kind has struck.</summary>
    public Dictionary<SimFault, int> Struck { get; }

    /// <summary>No more from here on: what runs comes to its end.</summary>
    public bool Over { get; set; }

    public bool Strike(SimFault kind)
    {
        if (Over || _randoms[kind].NextDouble() >= Chances[kind] * _scale
            || Struck[kind] >= _most.GetValueOrDefault(kind, int.MaxValue))
            return false;
        Struck[kind]++;
        return true;
    }

    // The same in every process, which System.HashCode is not.
    private static int HashCode(int seed, int kind) => unchecked((seed * 486_187_739) + (kind * 16_777_619) + 7);
}
