using System.Diagnostics.CodeAnalysis;
using Grpc.Core;

namespace NativeLink.Actors.LocalCluster.BlobAccess;

/// <summary>
/// What names an upload: a client may use one id for several
/// blobs (REAPI), and each of them in several encodings.
/// </summary>
internal readonly record struct UploadKey(string Id, Digest Digest, BlobCompressor Compressor)
{
    public static UploadKey Of(ResourceName name) => new(name.UploadId!, name.Digest, name.Compressor);
}

/// <summary>One blob on its way in under a ByteStream upload name. One stream at a time writes it.</summary>
internal abstract class Upload(ResourceName name, UploadBudget budget) : IDisposable
{
    private long _taken;

    public ResourceName Name => name;

    public Digest Digest => name.Digest;

    public UploadKey Key { get; } = UploadKey.Of(name);

    /// <summary>Bytes that it holds on disk.</summary>
    public long Held => _taken;

    /// <summary>Bytes received as the client counts them: compressed ones for a compressed upload.</summary>
    public abstract long Received { get; }

    /// <summary>Whether another stream may go on where this one broke.</summary>
    public abstract bool CanResume { get; }

    /// <summary>The stream that writes it now, or did last.</summary>
    public UploadSession Session { get; private set; } = new();

    /// <summary>Cancelled when another stream wants to go on with this upload.</summary>
    public CancellationToken TakeOverRequested => Session.TakeOverRequested;

    /// <summary>Takes the next message in.</summary>
    /// <exception cref="RpcException">INVALID_ARGUMENT: out of order, or more bytes than the digest
    /// says; RESOURCE_EXHAUSTED: too much is being uploaded at once.</exception>
    /// <exception cref="FaultException">The store failed.</exception>
    public abstract void Append(long offset, ReadOnlySpan<byte> data);

    /// <summary>Verifies what was received and puts the blob into the store.</summary>
    /// <returns>The committed size to answer.</returns>
    /// <exception cref="RpcException">INVALID_ARGUMENT: too few bytes.</exception>
    /// <exception cref="FaultException">The bytes are not those of the digest, or the store failed.</exception>
    public abstract long Finish(long endOfMessage);

    /// <summary>Another stream writes it from now on.</summary>
    public void Activate() => Session = new UploadSession();

    public void Dispose()
    {
        DisposeWriter();
        budget.Release(Interlocked.Exchange(ref _taken, 0));
    }

    /// <summary>Before bytes are written to the disk.</summary>
    protected void Reserve(int bytes)
    {
        budget.Reserve(bytes);
        _taken += bytes;
    }

    protected abstract void DisposeWriter();
}

/// <summary>
/// One stream's time with an upload. Who wants to take over from it may come too late to find it at
/// work: it asks the one that it met, never the next one, and nothing of it is disposed meanwhile.
/// </summary>
[SuppressMessage("Design", "CA1001",
    Justification = "It may be asked at any time; without a timer or a handle it has nothing to give back.")]
internal sealed class UploadSession
{
    private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _takeOver = new();

    public CancellationToken TakeOverRequested => _takeOver.Token;

    /// <summary>Completes when the stream has let go of the upload.</summary>
    public Task Released => _released.Task;

    public void RequestTakeOver() => _takeOver.Cancel();

    public void Release() => _released.TrySetResult();
}
