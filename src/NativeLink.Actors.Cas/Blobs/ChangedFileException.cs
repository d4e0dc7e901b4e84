namespace NativeLink.Actors.Cas.Blobs;

/// <summary>A file that is being uploaded is not what was hashed before: somebody writes to it.</summary>
/// <param name="path">The file, for the message.</param>
internal sealed class ChangedFileException(string path) : FaultException(
    FaultKind.Worker,
    $"something still writes to {path}: what was read of it for the upload is not what was hashed before");
