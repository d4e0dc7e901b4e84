using NativeLink.Actors.Worker.Transfers;

namespace NativeLink.Actors.Worker.Outputs;

/// <summary>
/// What whoever collects outputs asks of the uploader. The promise is kept exactly once, also when
/// the uploader fails or is stopped.
/// </summary>
internal static class SendProtocol
{
    /// <summary>
    /// Bring what the CAS lacks of these there, each digest once
    /// however many bring it; durable when the promise is kept.
    /// </summary>
    /// <param name="Blobs">Each digest once, none of them empty.</param>
    public sealed record SendBlobs(IReadOnlyCollection<OutputBlob> Blobs, Promise<bool> Answer) : IPromised
    {
        public void Break(Fault fault) => Answer.Break(fault);
    }
}
