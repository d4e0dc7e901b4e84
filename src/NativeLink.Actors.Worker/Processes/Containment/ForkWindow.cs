namespace NativeLink.Actors.Worker.Processes.Containment;

/// <summary>
/// A child inherits a copy of every descriptor that is open when it is forked, until it closes it a moment later. The writing end of a gate must not be among them: it
/// would open that gate for the next child that comes to it. A child also inherits the limits that the process has at that moment, one of which may be the mark
/// of another's tree. So forks, and the moments in which such an end is open or such a mark set, exclude each other in this process.
/// </summary>
internal static class ForkWindow
{
    private static readonly SemaphoreSlim _one = new(1, 1);

    internal static void Enter() => _one.Wait();

    /// <summary>May be called on another thread than <see cref="Enter"/>.</summary>
    internal static void Leave() => _one.Release();
}
