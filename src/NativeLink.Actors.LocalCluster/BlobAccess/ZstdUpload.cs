using NativeLink.Actors.Cas.Codec;
using NativeLink.Actors.LocalCluster.Requests;
using NativeLink.Actors.Storage.Filesystem;

namespace NativeLink.Actors.LocalCluster.BlobAccess;

/// <summary>
/// An upload of exactly one zstd frame (protos/README.md 2.5);
/// offsets count compressed bytes, and it cannot be resumed.
/// </summary>
internal sealed class ZstdUpload(ResourceName name, ContentStore store, UploadBudget budget) : Upload(name, budget)
{
    private readonly BlobWriter _writer = store.BeginWrite(name.Digest);
    private readonly ZstdFrameReader _frame = new();
    private long _received;

    public override long Received => Interlocked.Read(ref _received);

    public override bool CanResume => false;

    public override void Append(long offset, ReadOnlySpan<byte> data)
    {
        if (offset != Received)
            throw RequestChecks.Invalid(
                $"write_offset {offset} of compressed {Digest} is not the position in the compressed stream, " +
                $"{Received}; a broken one starts again at 0 under a new upload id");
        Interlocked.Add(ref _received, data.Length);
        try
        {
            _frame.Append(data, Take);
        }
        catch (InvalidDataException error)
        {
            throw RequestChecks.Invalid($"compressed upload of {Digest}: {error.Message}");
        }
    }

    public override long Finish(long endOfMessage)
    {
        if (!_frame.IsComplete || _writer.Length < Digest.SizeBytes)
            throw RequestChecks.Invalid(
                $"finish_write of compressed {Digest} before the end of its zstd frame: " +
                $"{_writer.Length} of {Digest.SizeBytes} bytes decoded");
        _writer.Commit();
        return Received;
    }

    protected override void DisposeWriter()
    {
        _frame.Dispose();
        _writer.Dispose();
    }

    private void Take(ReadOnlySpan<byte> decoded)
    {
        if (_writer.Length + decoded.Length > Digest.SizeBytes)
            throw RequestChecks.Invalid($"compressed upload of {Digest} decodes to more than {Digest.SizeBytes} bytes");
        Reserve(decoded.Length);
        _writer.Append(decoded);
    }
}
