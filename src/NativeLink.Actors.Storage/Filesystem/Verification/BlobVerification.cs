using System.Buffers;
using Microsoft.Win32.SafeHandles;
using NativeLink.Actors.Protocol.Hashing;
using NativeLink.Actors.Storage.Filesystem.Index;

namespace NativeLink.Actors.Storage.Filesystem.Verification;

/// <summary>
/// Hashes one file of a blob, at once or piece by piece, and says whether its content has the hash
/// of its name. File names carry no digest function: where the assumed one does not fit, the other
/// one is tried. No use of the blob: access times, by which blobs are evicted, stay as they are.
/// </summary>
internal sealed class BlobVerification : IDisposable
{
    private const int BufferBytes = 1 << 20;

    private readonly Digest _key;
    private readonly SafeFileHandle _file;
    private readonly Queue<DigestFunction> _functions;
    private BlobHasher _hasher;
    private readonly PassingPages? _pages;
    private long _offset;

    private BlobVerification(in Digest digest, SafeFileHandle file)
    {
        (_key, _file) = (BlobIndex.KeyOf(digest), file);
        _functions = new Queue<DigestFunction>(digest.Function == DigestFunction.Blake3
            ? [DigestFunction.Sha256]
            : [DigestFunction.Blake3]);
        _hasher = BlobHasher.Create(digest.Function);
        _pages = PassingPages.ForReading(file, digest.SizeBytes);
    }

    /// <summary>Whether the file has been read to its end, by each function that may be meant.</summary>
    public bool IsDone { get; private set; }

    /// <summary>When it is done: how the file is corrupt; null when it is not corrupt.</summary>
    public string? Corruption { get; private set; }

    /// <summary>Null when there is no such file (any more).</summary>
    /// <exception cref="FaultException">Storage: the file is there and cannot be opened.</exception>
    public static BlobVerification? Open(string path, in Digest digest)
    {
        var descriptor = Libc.Open(
            path, OpenFlags.ReadOnly | OpenFlags.CloseOnExec | OpenFlags.NoFollow | OpenFlags.NoAccessTime, 0);
        // Only a file's owner may leave its access time alone (open(2), O_NOATIME).
        if (descriptor < 0 && Errno.Last == Errno.EPERM)
            descriptor = Libc.Open(path, OpenFlags.ReadOnly | OpenFlags.CloseOnExec | OpenFlags.NoFollow, 0);
        if (descriptor < 0)
            return Errno.Last == Errno.ENOENT ? null : throw DiskFault.Last($"{path} cannot be opened");
        return new BlobVerification(digest, new SafeFileHandle(descriptor, ownsHandle: true));
    }

    /// <summary>How a file, read as a whole, is corrupt; null when it is not corrupt or not there.</summary>
    /// <inheritdoc cref="Open"/>
    public static string? FindCorruption(string path, in Digest digest)
    {
        using var verification = Open(path, digest);
        verification?.Advance(long.MaxValue);
        return verification?.Corruption;
    }

    /// <summary>Reads on, at most so many bytes; answers how many were read.</summary>
    public long Advance(long bytes)
    {
        var buffer = ArrayPool<byte>.Shared.Rent((int)Math.Clamp(_key.SizeBytes + 1, 4096, BufferBytes));
        try
        {
            long done = 0;
            while (!IsDone && done < bytes)
            {
                var read = RandomAccess.Read(_file, buffer.AsSpan(0, (int)Math.Min(buffer.Length, bytes - done)),
                    _offset);
                (done, _offset) = (done + read, _offset + read);
                _pages?.Passed(_offset);
                if (read > 0)
                    _hasher.Append(buffer.AsSpan(0, read));
                else
                    Conclude();
            }
            return done;
        }
        catch (IOException error)
        {
            (IsDone, Corruption) = (true, $"it cannot be read: {error.Message}");
            return 0;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    public void Dispose()
    {
        _file.Dispose();
        _hasher.Dispose();
    }

    private void Conclude()
    {
        if (BlobIndex.KeyOf(_hasher.Finish()) == _key)
        {
            IsDone = true;
        }
        else if (_functions.TryDequeue(out var other))
        {
            _hasher.Dispose();
            (_hasher, _offset) = (BlobHasher.Create(other), 0);
        }
        else
        {
            (IsDone, Corruption) = (true, "its content does not have its hash");
        }
    }
}
