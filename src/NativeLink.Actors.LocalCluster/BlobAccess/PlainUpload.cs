using NativeLink.Actors.LocalCluster.Requests;
using NativeLink.Actors.Storage.Filesystem;

namespace NativeLink.Actors.LocalCluster.BlobAccess;

/// <summary>
/// An upload of the bytes as they are (protos/README.md 2.3):
/// what was received already is skipped, nothing may be left out.
/// </summary>
internal sealed class PlainUpload(ResourceName name, ContentStore store, UploadBudget budget) : Upload(name, budget)
{
    private readonly BlobWriter _writer = store.BeginWrite(name.Digest);

    public override long Received => _writer.Length;

    public override bool CanResume => true;

    public override void Append(long offset, ReadOnlySpan<byte> data)
    {
        if (offset < 0)
            throw RequestChecks.Invalid($"write_offset {offset} of {Digest} is negative");
        if (offset > Received)
            throw RequestChecks.Invalid(
                $"write_offset {offset} of {Digest} is out of order: {Received} bytes have been received; " +
                "go on there or start again at 0");
        if (offset + data.Length > Digest.SizeBytes)
            throw RequestChecks.Invalid($"too much data for {Digest}: {offset + data.Length} bytes");
        var known = Received - offset;
        if (known >= data.Length)
            return;
        Reserve(data.Length - (int)known);
        _writer.Append(data[(int)known..]);
    }

    public override long Finish(long endOfMessage)
    {
        if (endOfMessage < Received)
            throw RequestChecks.Invalid(
                $"finish_write of {Digest} at {endOfMessage}, but {Received} bytes have been received");
        if (Received < Digest.SizeBytes)
            throw RequestChecks.Invalid(
                $"finish_write of {Digest} after {Received} bytes; {Digest.SizeBytes} are needed");
        _writer.Commit();
        return Digest.SizeBytes;
    }

    protected override void DisposeWriter() => _writer.Dispose();
}
