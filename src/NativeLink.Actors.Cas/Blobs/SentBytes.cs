using System.Buffers;
using NativeLink.Actors.Protocol.Hashing;

namespace NativeLink.Actors.Cas.Blobs;

/// <summary>
/// The hash of what is sent of a file, over all attempts of its upload: the file was hashed once
/// before, and something may have written to it since. The last piece leaves only when everything
/// sent is the blob. Bytes in memory cannot change and are not hashed again.
/// </summary>
internal sealed class SentBytes(Digest digest, BlobSource source) : IDisposable
{
    private const int BufferBytes = 1 << 20;

    private BlobHasher? _hasher;
    private long _hashed;
    private bool _verified;

    /// <summary>Nothing of what was sent counts any more.</summary>
    public void Restart()
    {
        _hasher?.Dispose();
        (_hasher, _hashed, _verified) = (null, 0, false);
    }

    /// <summary>
    /// The next bytes that are sent; the last ones are
    /// let through only when all of them are the blob.
    /// </summary>
    /// <exception cref="ChangedFileException">Something still writes to the file.</exception>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        // All of it has been sent and found right when an upload that breaks after that lacks only its finish.
        if (source.File is null || _verified)
            return;
        _hasher ??= BlobHasher.Create(digest.Function);
        _hasher.Append(bytes);
        _hashed += bytes.Length;
        if (_hashed < digest.SizeBytes)
            return;
        _verified = _hasher.Finish() == digest;
        if (!_verified)
            throw new ChangedFileException(source.Path);
    }

    /// <summary>
    /// Goes back to a place of the file from which the upload goes on. What was sent of it is not
    /// there any more, so the file is read again up to where it was hashed: the same hash says that
    /// what the server kept is still what stands there.
    /// </summary>
    /// <returns>False when more has been kept than was sent: then it must begin anew.</returns>
    /// <exception cref="ChangedFileException">Something still writes to the file.</exception>
    public bool TryGoBackTo(long offset)
    {
        if (source.File is null || offset == _hashed)
            return true;
        if (offset > _hashed)
            return false;
        var sent = _verified ? digest : _hasher!.Finish();
        var end = _hashed;
        Restart();
        if (offset == 0)
            return true;
        using var again = BlobHasher.Create(digest.Function);
        _hasher = BlobHasher.Create(digest.Function);
        var buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            for (long at = 0; at < end && source.Read(buffer.AsSpan(0, (int)Math.Min(BufferBytes, end - at)), at) is > 0
                and var read; at += read)
            {
                again.Append(buffer.AsSpan(0, read));
                _hasher.Append(buffer.AsSpan(0, (int)Math.Clamp(offset - at, 0, read)));
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
        _hashed = offset;
        return again.Finish() == sent ? true : throw new ChangedFileException(source.Path);
    }

    public void Dispose() => _hasher?.Dispose();
}
