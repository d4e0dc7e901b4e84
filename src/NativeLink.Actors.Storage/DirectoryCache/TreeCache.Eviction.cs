using System.Globalization;

namespace NativeLink.Actors.Storage.DirectoryCache;

/// <content>Which trees go, and when their files do.</content>
internal sealed partial class TreeCache
{
    private void EvictBeyondLimits()
    {
        lock (_gate)
        {
            if (!IsOver())
                return;
            EvictWhile(IsOver);
            if (!IsOver() || _warnedOfLimit)
                return;
            _warnedOfLimit = true;
            _settings.OnWarning?.Invoke(
                $"directory cache {_settings.Root} is above its limits ({_entries.Count} trees, " +
                $"{_bytes} bytes) because running actions use all that is in it");
        }
    }

    /// <summary>Under the gate: trees that nobody uses, the least recently used first.</summary>
    private void EvictWhile(Func<bool> isWanted)
    {
        for (var node = _order.First; node is not null && isWanted();)
        {
            var next = node.Next;
            if (node.Value.Pins == 0)
            {
                Evict(node.Value);
                // A base may have become free, wherever it stands.
                next = _order.First;
            }
            node = next;
        }
    }

    private bool IsOver() =>
        _entries.Count > Math.Max(_settings.MaxEntries, 1)
            || (_settings.MaxSizeBytes > 0 && _bytes + _copied > _settings.MaxSizeBytes);

    /// <summary>Under the gate. The directory's name becomes free; its content is deleted with the last pin.</summary>
    private void Evict(TreeEntry entry)
    {
        if (entry.IsEvicted)
            return;
        foreach (var above in _order.Where(other => other.Below == entry).ToList())
            Evict(above);
        entry.IsEvicted = true;
        _entries.TryRemove(entry.Root, out _);
        if (entry.Node is { List: not null } node)
            _order.Remove(node);
        _bytes -= entry.Bytes;
        _copied -= entry.CopiedBytes;
        var temporary = Path.Combine(
            _path, string.Create(CultureInfo.InvariantCulture, $"new-doomed-{Interlocked.Increment(ref _next)}"));
        if (Libc.RenameAt(Libc.AtFdCwd, entry.Path, Libc.AtFdCwd, temporary) == 0)
            entry.Path = temporary;
        if (entry.Pins == 0)
            Delete(entry);
    }

    private void UnpinHeld(TreeEntry entry)
    {
        if (--entry.Pins == 0 && entry.IsEvicted)
            Delete(entry);
    }

    private void Delete(TreeEntry entry)
    {
        _deletions.Enqueue(entry.Path);
        if (entry.Below is not null)
            UnpinHeld(entry.Below);
    }
}
