using System.Globalization;
using NativeLink.Actors.Benchmarks.Rig;

namespace NativeLink.Actors.Benchmarks.Chaos;

/// <summary>What has happened so far.</summary>
internal sealed class ChaosTally
{
    private readonly SortedDictionary<ChaosFault, int> _faults = [];

    public int Builds { get; set; }

    public int Actions { get; set; }

    /// <summary>Attempts that the scheduler gave back.</summary>
    public int Attempts { get; private set; }

    /// <summary>The most attempts of one operation that failed.</summary>
    public int MostOfOne { get; private set; }

    /// <summary>Workers that the scheduler lost.</summary>
    public int Lost { get; private set; }

    public void Add(ChaosFault fault) => _faults[fault] = _faults.GetValueOrDefault(fault) + 1;

    /// <summary>Takes in what the logs of a cluster say.</summary>
    public void Add(ChaosCluster cluster)
    {
        foreach (var log in cluster.Logs)
        {
            var (failed, most) = ServerLog.Attempts(log);
            (Attempts, MostOfOne) = (Attempts + failed, Math.Max(MostOfOne, most));
            Lost += ServerLog.Count(log, " is gone: ");
        }
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{Builds} builds, {Actions:N0} actions; {_faults.Values.Sum()} faults " +
        $"({string.Join(", ", _faults.Select(static fault => $"{fault.Key} {fault.Value}"))}); {Lost} times a worker " +
        $"was lost, {Attempts} attempts were given back, at most {MostOfOne} of one operation " +
        $"({ChaosCluster.MaxJobRetries} may be)");
}
