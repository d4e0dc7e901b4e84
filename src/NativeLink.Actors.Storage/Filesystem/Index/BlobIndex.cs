namespace NativeLink.Actors.Storage.Filesystem.Index;

/// <summary>
/// What the store knows of its blobs, in memory (<see cref="DigestTable"/>): those that were
/// vouched for lately, those that were not, each least recently used first, and leased ones in
/// neither order. Every operation costs the same however many there are. Not safe for several
/// threads at once: the store's gate guards it.
/// </summary>
/// <param name="blockSize">Sizes are accounted in multiples of this many bytes.</param>
/// <param name="vouchedFor">How long a blob that was vouched for is kept while there is another to
/// evict; zero is not at all.</param>
internal sealed class BlobIndex(long blockSize = 1, TimeSpan vouchedFor = default)
{
    private const int MostDraws = 256;

    private readonly long _block = Math.Max(1, blockSize);
    private readonly uint _vouchedFor = (uint)Math.Clamp(vouchedFor.TotalSeconds, 0, int.MaxValue);
    private readonly DigestTable _table = new();
    private SlotList _used = SlotList.Empty;
    private SlotList _vouched = SlotList.Empty;
    private byte _rescan;

    public long Bytes { get; private set; }

    /// <summary>Bytes that were ever added; never goes down.</summary>
    public long Added { get; private set; }

    public int Count => _table.Count;

    public IEnumerable<Digest> Digests => SomeFrom(0, int.MaxValue).Select(static entry => entry.Key);

    /// <summary>
    /// The key of a blob. File names carry no digest function, and two functions never give two
    /// contents the same 32 bytes, so it is left out.
    /// </summary>
    public static Digest KeyOf(in Digest digest)
    {
        if (digest.Function == DigestFunction.Sha256)
            return digest;
        Span<byte> hash = stackalloc byte[Digest.HashLength];
        digest.CopyHashTo(hash);
        return Digest.FromHash(hash, digest.SizeBytes, DigestFunction.Sha256);
    }

    /// <summary>Bytes that a blob of this size counts for: whole blocks.</summary>
    public long Account(long size) => (size / _block * _block) + (size % _block == 0 ? 0 : _block);

    /// <summary>
    /// One of all entries; null when there are none, or so
    /// few among slots that were freed that none was met.
    /// </summary>
    public BlobEntry? Draw(Random random)
    {
        for (var i = 0; i < MostDraws && _table.Count > 0; i++)
        {
            if (Known(random.Next(_table.SlotCount)) is { } entry)
                return entry;
        }
        return null;
    }

    public BlobEntry? Find(in Digest key) => _table.Find(key) is not DigestTable.None and var slot
        ? new BlobEntry(_table, slot)
        : null;

    /// <summary>Up to so many entries in the order of their slots, from one slot on.</summary>
    public IEnumerable<BlobEntry> SomeFrom(int slot, int count)
    {
        for (var end = (int)Math.Min(_table.SlotCount, (long)slot + count); slot < end; slot++)
        {
            if (Known(slot) is { } entry)
                yield return entry;
        }
    }

    /// <summary>Entries stand in slots below this one.</summary>
    public int EndOfSlots => _table.SlotCount;

    /// <summary>Marks a use.</summary>
    public void Touch(BlobEntry entry, DateTimeOffset now)
    {
        entry.LastUse = now;
        ref var slot = ref _table[entry.Slot];
        if (slot.Order == BlobOrder.Used || (slot.Order == BlobOrder.Vouched && !IsVouched(slot, slot.LastUse)))
            MoveToEnd(entry.Slot, BlobOrder.Used);
    }

    /// <summary>Marks a use by somebody who relies on the blob from now on.</summary>
    public void Vouch(BlobEntry entry, DateTimeOffset now)
    {
        entry.LastUse = now;
        ref var slot = ref _table[entry.Slot];
        slot.VouchedAt = slot.LastUse;
        if (slot.Order != BlobOrder.None)
            MoveToEnd(entry.Slot, _vouchedFor > 0 ? BlobOrder.Vouched : BlobOrder.Used);
    }

    /// <summary>Adds a blob that is not known yet, as the most recently used one.</summary>
    public BlobEntry Add(in Digest key, DateTimeOffset lastUse)
    {
        var entry = AddUnordered(key, lastUse);
        Enqueue(entry.Slot, BlobOrder.Used);
        return entry;
    }

    /// <summary>
    /// Adds blobs that are not known yet, each with its last
    /// use, and brings them into the order of those uses.
    /// </summary>
    public void AddAll(IEnumerable<(Digest Key, DateTimeOffset LastUse, bool HasExecutableCopy)> blobs)
    {
        var first = _table.SlotCount;
        foreach (var (key, lastUse, hasExecutableCopy) in blobs)
        {
            var entry = AddUnordered(key, lastUse);
            entry.PersistedUse = lastUse;
            if (hasExecutableCopy)
                AddExecutableCopy(entry);
        }
        var order = new ulong[_table.SlotCount - first];
        for (var i = 0; i < order.Length; i++)
            order[i] = ((ulong)_table[first + i].LastUse << 32) | (uint)(first + i);
        Array.Sort(order);
        foreach (var slot in order)
        {
            ref var added = ref _table[(int)(uint)slot];
            // Whether it was vouched for was not written down; that it was used was.
            added.VouchedAt = added.LastUse;
            Enqueue((int)(uint)slot, _vouchedFor > 0 ? BlobOrder.Vouched : BlobOrder.Used);
        }
    }

    public void AddExecutableCopy(BlobEntry entry)
    {
        if (!entry.IsKnown || entry.HasExecutableCopy)
            return;
        entry.State |= BlobState.HasExecutableCopy;
        Bytes += Account(entry.Key.SizeBytes);
    }

    public void RemoveExecutableCopy(BlobEntry entry)
    {
        if (!entry.IsKnown || !entry.HasExecutableCopy)
            return;
        entry.State &= ~BlobState.HasExecutableCopy;
        Bytes -= Account(entry.Key.SizeBytes);
    }

    public void Remove(BlobEntry entry)
    {
        if (!entry.IsKnown)
            return;
        RemoveExecutableCopy(entry);
        Bytes -= Account(entry.Key.SizeBytes);
        entry.State &= ~BlobState.Known;
        _table.Remove(entry.Slot);
        Dequeue(entry.Slot);
        if (entry.Leases == 0)
            _table.Free(entry.Slot);
    }

    /// <summary>Answers whether this is the only lease.</summary>
    public bool Lease(BlobEntry entry)
    {
        if (_table[entry.Slot].Leases++ > 0)
            return false;
        Dequeue(entry.Slot);
        return true;
    }

    /// <summary>
    /// Answers whether this was the last lease. The entry
    /// of a blob that was removed meanwhile ends with it.
    /// </summary>
    public bool Release(BlobEntry entry, DateTimeOffset now)
    {
        entry.LastUse = now;
        ref var slot = ref _table[entry.Slot];
        if (--slot.Leases > 0)
            return false;
        if (!entry.IsKnown)
            _table.Free(entry.Slot);
        else
            Enqueue(entry.Slot, OrderAtEnd(ref slot));
        return true;
    }

    /// <summary>
    /// The blob to evict next that nobody relies on; null when
    /// all that is left is leased or was vouched for lately.
    /// </summary>
    public BlobEntry? Oldest(DateTimeOffset now)
    {
        var (used, vouched) = (_used.First, _vouched.First);
        if (vouched == DigestTable.None || IsVouched(_table[vouched], BlobEntry.Seconds(now)))
            return used == DigestTable.None ? null : new BlobEntry(_table, used);
        return new BlobEntry(_table, used == DigestTable.None || _table[vouched].LastUse <= _table[used].LastUse
            ? vouched
            : used);
    }

    /// <summary>Of those that were vouched for the one for which that was longest ago.</summary>
    public BlobEntry? OldestVouched => _vouched.First == DigestTable.None
        ? null
        : new BlobEntry(_table, _vouched.First);

    /// <summary>Makes another one the next to be evicted.</summary>
    public void PutBack(BlobEntry entry, DateTimeOffset now)
    {
        entry.LastUse = now;
        MoveToEnd(entry.Slot, OrderAtEnd(ref _table[entry.Slot]));
    }

    /// <summary>Begins a rescan of the disk: what is added or marked from now on counts as seen.</summary>
    public void BeginRescan() => _rescan++;

    public void MarkSeen(BlobEntry entry) => _table[entry.Slot].SeenInLook = _rescan;

    public bool WasSeen(BlobEntry entry) => _table[entry.Slot].SeenInLook == _rescan;

    private BlobEntry AddUnordered(in Digest key, DateTimeOffset lastUse)
    {
        var entry = new BlobEntry(_table, _table.Add(key))
        {
            LastUse = lastUse,
            State = BlobState.Taken | BlobState.Known,
        };
        _table[entry.Slot].SeenInLook = _rescan;
        var bytes = Account(key.SizeBytes);
        Bytes += bytes;
        Added += bytes;
        return entry;
    }

    private BlobEntry? Known(int slot) => (_table[slot].State & BlobState.Known) != 0
        ? new BlobEntry(_table, slot)
        : null;

    private bool IsVouched(in DigestTable.Slot slot, uint now) =>
        _vouchedFor > 0 && (ulong)slot.VouchedAt + _vouchedFor > now;

    /// <summary>
    /// Where a blob that was used now goes to the end. Those that are vouched for stand in the
    /// order in which that ends, so it lasts on from now.
    /// </summary>
    private BlobOrder OrderAtEnd(ref DigestTable.Slot slot)
    {
        if (!IsVouched(slot, slot.LastUse))
            return BlobOrder.Used;
        slot.VouchedAt = slot.LastUse;
        return BlobOrder.Vouched;
    }

    private void MoveToEnd(int slot, BlobOrder order)
    {
        if (_table[slot].Order == order && ListOf(order).Last == slot)
            return;
        Dequeue(slot);
        Enqueue(slot, order);
    }

    private void Enqueue(int slot, BlobOrder order)
    {
        ref var list = ref ListOf(order);
        ref var entry = ref _table[slot];
        (entry.Order, entry.Previous, entry.Next) = (order, list.Last, DigestTable.None);
        if (list.Last == DigestTable.None)
            list.First = slot;
        else
            _table[list.Last].Next = slot;
        list.Last = slot;
    }

    private void Dequeue(int slot)
    {
        ref var entry = ref _table[slot];
        if (entry.Order == BlobOrder.None)
            return;
        ref var list = ref ListOf(entry.Order);
        if (entry.Previous == DigestTable.None)
            list.First = entry.Next;
        else
            _table[entry.Previous].Next = entry.Next;
        if (entry.Next == DigestTable.None)
            list.Last = entry.Previous;
        else
            _table[entry.Next].Previous = entry.Previous;
        entry.Order = BlobOrder.None;
    }

    private ref SlotList ListOf(BlobOrder order) => ref order == BlobOrder.Vouched ? ref _vouched : ref _used;

    private struct SlotList
    {
        public int First;
        public int Last;

        public static SlotList Empty => new() { First = DigestTable.None, Last = DigestTable.None };
    }
}

/// <summary>
/// One blob of an index: uses, leases, what stands on disk
/// beside it. Good until it is removed and no lease is left.
/// </summary>
internal readonly struct BlobEntry(DigestTable table, int slot)
{
    public int Slot => slot;

    public Digest Key => table[slot].Key;

    public int Leases => table[slot].Leases;

    public bool IsKnown => (State & BlobState.Known) != 0;

    public bool HasExecutableCopy => (State & BlobState.HasExecutableCopy) != 0;

    public BlobState State
    {
        get => table[slot].State;
        set => table[slot].State = value;
    }

    /// <summary>In whole seconds.</summary>
    public DateTimeOffset LastUse
    {
        get => DateTimeOffset.FromUnixTimeSeconds(table[slot].LastUse);
        set => table[slot].LastUse = Seconds(value);
    }

    /// <summary>
    /// The use that was last written to the file's access
    /// time, from which the order is taken after a restart.
    /// </summary>
    public DateTimeOffset PersistedUse
    {
        get => DateTimeOffset.FromUnixTimeSeconds(table[slot].PersistedUse);
        set => table[slot].PersistedUse = Seconds(value);
    }

    public static uint Seconds(DateTimeOffset time) => (uint)Math.Clamp(time.ToUnixTimeSeconds(), 0, uint.MaxValue);
}
