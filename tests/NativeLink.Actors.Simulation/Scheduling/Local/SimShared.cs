namespace NativeLink.Actors.Simulation.Scheduling.Local;

/// <summary>Who waits for one action, perhaps together.</summary>
/// <param name="name">What it makes.</param>
/// <param name="needs">What it takes.</param>
internal sealed class SimShared(string name, SimNeeds needs)
{
    private readonly List<SimCall> _calls = [];

    public string Name => name;

    public SimNeeds Needs => needs;

    public IEnumerable<string> Owners => _calls.Select(static call => call.Client);

    public (int Least, int Most) Priorities =>
        (_calls.Min(static call => call.Priority), _calls.Max(static call => call.Priority));

    public void Add(SimCall call) => _calls.Add(call);

    /// <summary>Who has not cancelled has the answer of all; what is asked for now is another operation.</summary>
    public void Answered(SimCall call)
    {
        if (!call.Cancelled)
            _calls.RemoveAll(static known => known.Operation.Outcome is not null);
    }
}
