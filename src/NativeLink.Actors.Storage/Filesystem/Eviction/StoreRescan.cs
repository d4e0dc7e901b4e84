using NativeLink.Actors.Storage.Filesystem.Index;
using NativeLink.Actors.Storage.Filesystem.Layout;

namespace NativeLink.Actors.Storage.Filesystem.Eviction;

/// <summary>
/// Brings the index to what the directory holds, where other processes write and evict too; the
/// names say all that is needed. Nobody waits while they are listed: the gate is held for some of
/// them at a time, and nothing is kept of those that are known.
/// </summary>
internal sealed class StoreRescan(Lock gate, BlobIndex index, StorePaths paths, TimeProvider time)
{
    private const int NamesAtOnce = 256;
    private const int SlotsAtOnce = 1024;

    /// <summary>Not by several threads at once.</summary>
    public void Run()
    {
        lock (gate)
            index.BeginRescan();
        foreach (var keys in StorePaths.KeysIn(paths.BlobDirectory).Chunk(NamesAtOnce))
            AddUnknown(keys);
        foreach (var keys in StorePaths.KeysIn(paths.ExecutableCopyDirectory).Chunk(NamesAtOnce))
            AddExecutableCopies(keys);
        for (int slot = 0, end = EndOfSlots(); slot < end; slot += SlotsAtOnce)
            RemoveGone(slot);
    }

    private void AddUnknown(Digest[] keys)
    {
        List<Digest>? unknown = null;
        lock (gate)
        {
            foreach (var key in keys)
            {
                if (index.Find(key) is { } entry)
                    index.MarkSeen(entry);
                else
                    (unknown ??= []).Add(key);
            }
        }
        // What was listed may have gone since.
        if (unknown?.FindAll(key => paths.Has(key)) is not { Count: > 0 } come)
            return;
        var now = time.GetUtcNow();
        lock (gate)
        {
            foreach (var key in come)
            {
                if (index.Find(key) is null)
                    index.Add(key, now);
            }
        }
    }

    private void AddExecutableCopies(Digest[] keys)
    {
        List<Digest>? alone = null;
        lock (gate)
        {
            foreach (var key in keys)
            {
                if (index.Find(key) is { } entry)
                    index.AddExecutableCopy(entry);
                else
                    (alone ??= []).Add(key);
            }
        }
        alone?.ForEach(key => paths.DeleteOrphanedExecutableCopy(key));
    }

    private int EndOfSlots()
    {
        lock (gate)
            return index.EndOfSlots;
    }

    private void RemoveGone(int slot)
    {
        List<Digest> unseen;
        lock (gate)
            unseen = [.. index.SomeFrom(slot, SlotsAtOnce).Where(entry => !index.WasSeen(entry))
                .Select(static entry => entry.Key)];
        // What was not listed may have come since.
        foreach (var key in unseen.Where(key => !paths.Has(key)))
        {
            lock (gate)
            {
                if (index.Find(key) is { } entry && !paths.Has(key))
                    index.Remove(entry);
            }
        }
    }
}
