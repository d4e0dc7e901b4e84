namespace NativeLink.Actors.Cas;

/// <summary>
/// How much of a batch call is taken: by the bytes of
/// its blobs, and by those of the message around them.
/// </summary>
/// <param name="mostBytes">What the blobs of one call may have together; see
/// <see cref="ICasClient.MaxBatchBytes"/>.</param>
internal struct BatchWeight(long mostBytes)
{
    /// <summary>What an entry costs in a message beside its bytes.</summary>
    private const int EntryBytes = 128;

    private long _bytes;
    private long _message;
    private bool _any;

    /// <summary>Takes a blob in, if it fits; the first always does.</summary>
    /// <param name="size">Bytes.</param>
    public bool TryAdd(long size)
    {
        if (_any && (_bytes + size > mostBytes || _message + size + EntryBytes > CasLimits.MessageBytes))
            return false;
        (_any, _bytes, _message) = (true, _bytes + size, _message + size + EntryBytes);
        return true;
    }
}
