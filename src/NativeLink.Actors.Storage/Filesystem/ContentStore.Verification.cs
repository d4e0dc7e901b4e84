using NativeLink.Actors.Storage.Filesystem.Verification;

namespace NativeLink.Actors.Storage.Filesystem;

/// <content>Whether blobs are what their digests say, and what is done with those that are not.</content>
internal sealed partial class ContentStore
{
    /// <summary>
    /// Takes a blob that was found corrupt out of the store, keeps
    /// its file beside the store (the newest 16) and says why.
    /// </summary>
    public void Quarantine(in Digest digest, string reason)
    {
        _quarantine.TakeBlob(digest, reason);
        Quarantined?.Invoke(digest);
    }

    /// <summary>
    /// Hashes a blob and its executable copy again. False when one was corrupt, and then it is
    /// quarantined; true when they are not corrupt or not here.
    /// </summary>
    public bool Verify(in Digest digest)
    {
        if (digest.IsEmpty)
            return true;
        var isVerified = TryVerify(digest);
        _unverified.Remove(digest);
        return isVerified;
    }

    private bool TryVerify(in Digest digest)
    {
        if (BlobVerification.FindCorruption(_paths.BlobPath(digest), digest) is { } corrupt)
            Quarantine(digest, corrupt);
        else if (HasExecutableCopy(digest)
            && BlobVerification.FindCorruption(_paths.ExecutableCopyPath(digest), digest) is { } corruptCopy)
            QuarantineExecutableCopy(digest, corruptCopy);
        else
            return true;
        return false;
    }

    /// <summary>An unverified one first, else any blob, as sha256; null when there are none.</summary>
    internal Digest? PickAny(Random random)
    {
        if (_unverified.Next() is { } unverified)
            return unverified;
        lock (_gate)
            return _index.Draw(random)?.Key;
    }

    /// <summary>Before a blob's file is used without the store.</summary>
    /// <inheritdoc cref="UnverifiedBlobs.EnsureVerified"/>
    internal void EnsureVerified(in Digest digest) => _unverified.EnsureVerified(digest);

    /// <summary>It was hashed to its end.</summary>
    internal void MarkVerified(in Digest digest) => _unverified.Remove(digest);

    /// <summary>How many blobs are to be hashed before their first use.</summary>
    internal int UnverifiedCount => _unverified.Count;

    internal void QuarantineExecutableCopy(in Digest digest, string reason)
    {
        _quarantine.TakeExecutableCopy(digest, reason);
        Quarantined?.Invoke(digest);
    }

    /// <summary>
    /// Hashes a number of randomly chosen blobs again and
    /// quarantines the corrupt ones; answers how many those were.
    /// </summary>
    public int VerifySample(int count, Random random)
    {
        var corrupt = 0;
        for (var i = 0; i < count && PickAny(random) is { } digest; i++)
            corrupt += Verify(digest) ? 0 : 1;
        return corrupt;
    }
}
