using NativeLink.Actors.Benchmarks.Rig;
using NativeLink.Actors.Protocol;

namespace NativeLink.Actors.Benchmarks.Crash;

/// <summary>What the crash rounds kill and start again on the same directory.</summary>
internal interface ISubject : IAsyncDisposable
{
    string Name { get; }

    /// <summary>
    /// The directory with everything that it keeps. Its command
    /// line has it as a word, and so has what it forks.
    /// </summary>
    string Data { get; }

    /// <summary>Where its store keeps the blobs.</summary>
    string Content { get; }

    /// <summary>The CAS that clients send blobs to; <c>host:port</c>.</summary>
    string Cas { get; }

    /// <summary>The process that runs now.</summary>
    ServerProcess Process { get; }

    /// <summary>Starts it and waits until it takes actions.</summary>
    Task StartAsync();

    /// <summary>Starts it and kills it so much later, ready or not.</summary>
    Task StartAndKillAsync(TimeSpan after);

    /// <summary>Executes an action; throws unless it ends with exit code 0.</summary>
    Task<Reapi.ActionResult> ExecuteAsync(LoadClient client, Digest action);

    /// <summary>What its store's index holds is what is on disk; throws when it is not.</summary>
    /// <param name="known">Blobs that clients have sent or been told of.</param>
    Task IndexEqualsDiskAsync(IReadOnlyCollection<Digest> known);
}
