namespace NativeLink.Actors.Worker.Outputs;

/// <summary>A blob to bring to the CAS: bytes in memory, or a file.</summary>
internal sealed record OutputBlob(Digest Digest, ReadOnlyMemory<byte> Data, ScannedFile? File);
