namespace NativeLink.Actors.Cli.Client;

/// <summary>What the action made was not fetched to its end; the action itself has completed.</summary>
internal sealed class OutputsInterruptedException(OperationCanceledException cause)
    : OperationCanceledException("the outputs were not fetched to their end", cause, cause.CancellationToken);
