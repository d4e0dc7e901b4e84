using Grpc.Core;

namespace NativeLink.Actors.LocalCluster.Services;

/// <summary>One blob on its way in under a ByteStream upload name. One stream at a time feeds it.</summary>
internal abstract class Upload(ResourceName name) : IDisposable
{
    private TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private CancellationTokenSource _takeOver = new();

    public ResourceName Name => name;

    public Digest Digest => name.Digest;

    /// <summary>Bytes received as the client counts them: compressed ones for a compressed upload.</summary>
    public abstract long Received { get; }

    /// <summary>Whether another stream may go on where this one broke.</summary>
    public abstract bool CanResume { get; }

    /// <summary>Cancelled when another stream wants to go on with this upload.</summary>
    public CancellationToken TakeOverRequested => _takeOver.Token;

    /// <summary>Completes when the stream that feeds it has let go.</summary>
    public Task Released => _released.Task;

    /// <summary>Takes the next message in.</summary>
    /// <exception cref="RpcException">INVALID_ARGUMENT: out of order, or more bytes than the digest says.</exception>
    /// <exception cref="FaultException">The store failed.</exception>
    public abstract void Append(long offset, ReadOnlySpan<byte> data);

    /// <summary>Verifies what was received and puts the blob into the store.</summary>
    /// <returns>The committed size to answer.</returns>
    /// <exception cref="RpcException">INVALID_ARGUMENT: too few bytes.</exception>
    /// <exception cref="FaultException">The bytes are not those of the digest, or the store failed.</exception>
    public abstract long Finish(long endOfMessage);

    public void RequestTakeOver() => _takeOver.Cancel();

    public void Activate()
    {
        _takeOver.Dispose();
        (_takeOver, _released) = (new CancellationTokenSource(), new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
    }

    public void Release() => _released.TrySetResult();

    public void Dispose()
    {
        _takeOver.Dispose();
        DisposeWriter();
    }

    protected abstract void DisposeWriter();
}
