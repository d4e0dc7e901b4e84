namespace NativeLink.Actors.Simulation.World;

/// <summary>What an actor fails with that is made to.</summary>
public sealed class MadeToFailException : Exception
{
    public MadeToFailException()
        : base("the simulation wants it so")
    {
    }

    public MadeToFailException(string message)
        : base(message)
    {
    }

    public MadeToFailException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
