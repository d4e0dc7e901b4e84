namespace NativeLink.Actors.Storage.Filesystem.Index;

/// <summary>
/// A hash table of digests for millions of them: 72 bytes a digest in segments that never move, and
/// 4 bytes a bucket. It grows by one bucket at a time (linear hashing), so no addition copies what
/// is there. A slot's number stays the same until it is freed. Not safe for several threads at
/// once.
/// </summary>
internal sealed class DigestTable
{
    /// <summary>No slot.</summary>
    public const int None = -1;

    private const int SegmentBits = 12;
    private const int SegmentLength = 1 << SegmentBits;

    private readonly List<Slot[]> _slots = [];
    private readonly List<int[]> _buckets = [];
    private int _bucketCount;

    // All bits of the largest bucket's number: the hash is cut to it, and where that bucket is not
    // there yet, to one bit less.
    private int _mask;
    private int _firstFree = None;

    public DigestTable()
    {
        AddBucketSegment();
        _bucketCount = SegmentLength;
        _mask = SegmentLength - 1;
    }

    /// <summary>Digests that are found.</summary>
    public int Count { get; private set; }

    /// <summary>All slots have a number below this one.</summary>
    public int SlotCount { get; private set; }

    public ref Slot this[int slot] => ref _slots[slot >> SegmentBits][slot & (SegmentLength - 1)];

    public int Find(in Digest key)
    {
        var slot = Bucket(AddressOf(key.GetHashCode()));
        while (slot != None)
        {
            ref var candidate = ref this[slot];
            if (candidate.Key == key)
                return slot;
            slot = candidate.NextInBucket;
        }
        return None;
    }

    /// <summary>Adds a digest that is not found yet.</summary>
    public int Add(in Digest key)
    {
        var slot = Allocate();
        if (++Count > _bucketCount)
            Split();
        ref var head = ref Bucket(AddressOf(key.GetHashCode()));
        this[slot] = new Slot(key) { NextInBucket = head };
        head = slot;
        return slot;
    }

    /// <summary>The digest is not found any more; the slot stays as it is until it is freed.</summary>
    public void Remove(int slot)
    {
        ref var link = ref Bucket(AddressOf(this[slot].Key.GetHashCode()));
        while (link != slot)
            link = ref this[link].NextInBucket;
        link = this[slot].NextInBucket;
        Count--;
    }

    public void Free(int slot)
    {
        ref var freed = ref this[slot];
        freed = default;
        freed.NextInBucket = _firstFree;
        _firstFree = slot;
    }

    private int Allocate()
    {
        if (_firstFree != None)
        {
            var slot = _firstFree;
            _firstFree = this[slot].NextInBucket;
            return slot;
        }
        if (SlotCount == _slots.Count << SegmentBits)
            _slots.Add(new Slot[SegmentLength]);
        return SlotCount++;
    }

    private int AddressOf(int hash)
    {
        var address = hash & _mask;
        return address < _bucketCount ? address : address & (_mask >> 1);
    }

    private ref int Bucket(int address) => ref _buckets[address >> SegmentBits][address & (SegmentLength - 1)];

    /// <summary>Makes one more bucket, of the digests of one other that belong into it now.</summary>
    private void Split()
    {
        var added = _bucketCount++;
        if (added > _mask)
            _mask = (_mask << 1) | 1;
        if (added == _buckets.Count << SegmentBits)
            AddBucketSegment();
        ref var link = ref Bucket(added & (_mask >> 1));
        ref var target = ref Bucket(added);
        while (link != None)
        {
            var slot = link;
            ref var moved = ref this[slot];
            if ((moved.Key.GetHashCode() & _mask) != added)
            {
                link = ref moved.NextInBucket;
                continue;
            }
            link = moved.NextInBucket;
            moved.NextInBucket = target;
            target = slot;
        }
    }

    private void AddBucketSegment()
    {
        var segment = new int[SegmentLength];
        Array.Fill(segment, None);
        _buckets.Add(segment);
    }

    /// <summary>What is kept of a digest. Times are in whole seconds since 1970.</summary>
    public struct Slot(in Digest key)
    {
        public readonly Digest Key = key;
        public int NextInBucket;
        public int Previous;
        public int Next;
        public int Leases;
        public uint LastUse;
        public uint PersistedUse;
        public uint VouchedAt;
        public BlobState State;
        public BlobOrder Order;
        public byte SeenInLook;
    }
}

[Flags]
internal enum BlobState : byte
{
    Free = 0,
    Taken = 1,

    /// <summary>
    /// In the index; a blob that was removed while it
    /// was leased keeps its slot until the lease ends.
    /// </summary>
    Known = 2,
    HasExecutableCopy = 4,
}

/// <summary>The list in which a blob waits for its eviction.</summary>
internal enum BlobOrder : byte
{
    None,
    Used,
    Vouched,
}
