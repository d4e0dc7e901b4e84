namespace NativeLink.Actors.Worker.Transfers;

/// <summary>To whoever gave a promise: nobody waits for it any more; what others want as well goes on.</summary>
/// <param name="Promise">Which one.</param>
internal sealed record GiveUp(object Promise);
