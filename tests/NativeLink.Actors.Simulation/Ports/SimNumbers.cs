namespace NativeLink.Actors.Simulation.Ports;

/// <summary>Counts on.</summary>
internal sealed class SimNumbers
{
    private int _last;

    public int Next() => ++_last;
}
