using Grpc.Core;
using NativeLink.Actors.Protocol.Hashing;

namespace NativeLink.Actors.Storage.Filesystem;

/// <summary>
/// One blob being written: bytes are hashed as they come and checked against the digest at the end.
/// Not safe for several threads at once.
/// </summary>
internal sealed class BlobWriter : IBlobWriter
{
    /// <summary>
    /// From here on a second thread hashes while this one writes; below it, waking that thread
    /// costs more than it brings.
    /// </summary>
    private const int HashAsideBytes = 256 << 10;

    private readonly ContentStore _store;
    private readonly Digest _digest;
    private readonly string _temp;
    private readonly BlobHasher _hasher;
    private readonly TempFile _file;
    private bool _placed;

    internal BlobWriter(ContentStore store, in Digest digest, string temp)
    {
        store.RequireFits(digest);
        (_store, _digest, _temp) = (store, digest, temp);
        _file = store.CreateTemp(temp, digest.SizeBytes);
        _hasher = BlobHasher.Create(digest.Function);
    }

    /// <summary>Bytes appended so far.</summary>
    public long Length { get; private set; }

    /// <exception cref="FaultException">Storage: more bytes than the digest says (DATA_LOSS), or
    /// the disk is full (RESOURCE_EXHAUSTED).</exception>
    public void Append(ReadOnlySpan<byte> data)
    {
        if (Length + data.Length > _digest.SizeBytes)
            throw Mismatch($"more than its {_digest.SizeBytes} bytes came");
        if (data.Length >= HashAsideBytes)
        {
            WriteAndHash(data);
        }
        else
        {
            _file.Write(data, Length);
            _hasher.Append(data);
        }
        Length += data.Length;
    }

    /// <summary>Checks length and hash and puts the blob into place.</summary>
    /// <exception cref="FaultException">Storage, code DATA_LOSS: the bytes are not those of the
    /// digest; nothing is left behind.</exception>
    public void Commit() => Finish(lease: false);

    /// <summary>As <see cref="Commit"/>, and leased before anybody can evict it.</summary>
    /// <inheritdoc cref="Commit"/>
    public IDisposable CommitLeased() => Finish(lease: true)!;

    public void Dispose()
    {
        _file.Dispose();
        _hasher.Dispose();
        if (!_placed)
            _ = Libc.UnlinkAt(Libc.AtFdCwd, _temp, 0);
    }

    private unsafe void WriteAndHash(ReadOnlySpan<byte> data)
    {
        fixed (byte* start = data)
        {
            var (address, length) = ((nint)start, data.Length);
            var hashing = Task.Factory.StartNew(
                () => _hasher.Append(new ReadOnlySpan<byte>((void*)address, length)), CancellationToken.None,
                TaskCreationOptions.DenyChildAttach, TaskScheduler.Default);
            try
            {
                _file.Write(data, Length);
            }
            finally
            {
                // The bytes are the caller's: nobody may read them after the return. Not begun yet, it runs here.
                hashing.GetAwaiter().GetResult();
            }
        }
    }

    private IDisposable? Finish(bool lease)
    {
        if (Length != _digest.SizeBytes)
            throw Mismatch($"only {Length} bytes came");
        var actual = _hasher.Finish();
        if (actual != _digest)
            throw Mismatch($"they hash to {actual.Hash}");
        if (_digest.IsEmpty)
            return lease ? _store.TryLease(_digest) : null;
        _file.Finish();
        _file.Dispose();
        var held = _store.Place(_temp, _digest, lease);
        _placed = true;
        return held;
    }

    private FaultException Mismatch(string why) =>
        new(new Fault(FaultKind.Storage, $"the bytes received for blob {_digest} are not its content: {why}")
        {
            Code = StatusCode.DataLoss,
        });
}
