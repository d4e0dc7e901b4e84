namespace NativeLink.Actors.LocalCluster.Scheduling;

/// <summary>
/// The action cache as the scheduler sees it: it looks results
/// up and never writes one, the worker does that. Thread-safe.
/// </summary>
internal interface IActionResults
{
    /// <summary>
    /// The stored result of an action if it is complete: every output
    /// file, every tree and all files in it, stdout and stderr are in
    /// the CAS. Null when there is no entry or something of it is gone.
    /// </summary>
    ValueTask<Reapi.ActionResult?> FindCompleteAsync(
        string instanceName, Digest action, CancellationToken cancellation);
}
