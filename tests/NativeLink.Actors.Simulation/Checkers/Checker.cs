using Google.LongRunning;
using NativeLink.Actors.Simulation.Ports;
using NativeLink.Actors.Simulation.Running;
using NativeLink.Actors.Simulation.Scheduling;
using NativeLink.Actors.Simulation.Scheduling.Local;
using NativeLink.Actors.Simulation.World;
using NativeLink.Actors.Worker.Operations;

namespace NativeLink.Actors.Simulation.Checkers;

/// <summary>
/// Looks on, and says what does not hold. It keeps its own books, from what goes over the ports, and believes nobody.
/// </summary>
internal abstract class Checker(SimWorld world)
{
    protected SimWorld World => world;

    /// <summary>A worker has heard that it is registered.</summary>
    public virtual void GreetingHeard(SimStream stream)
    {
    }

    /// <summary>A worker has ended a stream; what it sent before may still be under way.</summary>
    public virtual void StreamLeft(SimStream stream)
    {
    }

    /// <summary>A worker has heard a start, the first of the attempt or a further one.</summary>
    public virtual void StartHeard(SimStream stream, SimAttempt attempt)
    {
    }

    /// <summary>A worker has heard a kill.</summary>
    public virtual void KillHeard(SimStream stream, SimAttempt attempt)
    {
    }

    /// <summary>A worker has said that the process of an operation has ended.</summary>
    public virtual void CompletionSent(SimStream stream, string operation)
    {
    }

    /// <summary>A worker has handed over a result; the attempt is null if it heard no start.</summary>
    public virtual void ResultSent(SimStream stream, SimAttempt? attempt, ExecuteResult result)
    {
    }

    /// <summary>A worker has sent a keep-alive.</summary>
    public virtual void KeepAlive(SimStream stream)
    {
    }

    /// <summary>A stream is no more.</summary>
    public virtual void StreamEnded(SimStream stream)
    {
    }

    /// <summary>The scheduler has an operation.</summary>
    public virtual void Accepted(SimOperation operation)
    {
    }

    /// <summary>The scheduler is done with an operation.</summary>
    public virtual void Done(SimOperation operation)
    {
    }

    /// <summary>A process runs.</summary>
    public virtual void RunBegan(SimRun run)
    {
    }

    /// <summary>A process is gone.</summary>
    public virtual void RunEnded(SimRun run)
    {
    }

    /// <summary>The action cache has a new entry.</summary>
    public virtual void Cached(Digest action, Reapi.ActionResult result)
    {
    }

    /// <summary>A client asks the local cluster for something.</summary>
    public virtual void Asked(SimCall call)
    {
    }

    /// <summary>A client's stream has an update, which is not in the call's books yet.</summary>
    public virtual void Updated(SimCall call, Operation update)
    {
    }

    /// <summary>What a client has asked for has come to something.</summary>
    public virtual void CallEnded(SimCall call)
    {
    }

    /// <summary>The local cluster gives a worker an action, which is not in the worker's books yet.</summary>
    /// <param name="elsewhere">What other workers are given in the same turn.</param>
    public virtual void Given(SimCluster cluster, SimMember member, Digest action, IReadOnlySet<Digest> elsewhere)
    {
    }

    /// <summary>The local cluster's scheduler has done what it was told, and what it said is in the books.</summary>
    public virtual void Turned(SimCluster cluster)
    {
    }

    /// <summary>An actor was made to fail.</summary>
    public virtual void Failed(SimHost host)
    {
    }

    /// <summary>A host has been told to drain.</summary>
    public virtual void DrainBegan(SimHost host)
    {
    }

    /// <summary>A host has drained, and nothing of its work is under way any more.</summary>
    public virtual void Drained(SimHost host)
    {
    }
}
