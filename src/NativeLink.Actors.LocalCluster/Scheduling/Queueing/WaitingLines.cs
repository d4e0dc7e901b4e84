using System.Numerics;

namespace NativeLink.Actors.LocalCluster.Scheduling.Queueing;

/// <summary>Workers that no action's properties can tell apart, but for quantities.</summary>
internal sealed class WorkerKind(WorkerProperties properties, int index, int generation)
{
    public int Index { get; set; } = index;

    /// <summary>Lines of an earlier generation do not know of it.</summary>
    public int Generation => generation;

    public WorkerProperties Properties => properties;

    public int Workers { get; set; }

    /// <summary>Those lines whose operations these workers can run.</summary>
    public HashSet<WaitingLine> Lines { get; } = [];
}

/// <param name="Generation">How many new kinds of workers had come when it was made: what its bits mean.</param>
/// <param name="Kinds">A bit for each kind that can run what stands in it.</param>
internal readonly record struct LineKey(int Generation, BigInteger Kinds);

/// <summary>
/// The lines, one for all operations that the same kinds of workers can run. A kind that was never
/// here before begins a new generation: what waits in the lines of an earlier one stays there for
/// those that knew it, and is sorted anew a few at a time.
/// </summary>
internal sealed class WaitingLines
{
    /// <summary>
    /// Kinds of which no worker is left are kept: a worker that
    /// comes back moves nothing. More than this are cleared away.
    /// </summary>
    private const int MostIdleKinds = 32;

    private const int KindsAtOnePrice = 16;

    private readonly Dictionary<LineKey, WaitingLine> _lines = [];
    private readonly Dictionary<string, WorkerKind> _kinds = new(StringComparer.Ordinal);
    private readonly Queue<WaitingLine> _toSort = new();
    private readonly ShareChanges _changes;
    private int _generation;

    public WaitingLines(ShareChanges changes) => _changes = changes;

    public int Count => _lines.Count;

    public IEnumerable<ClientQueue> Queues => _lines.Values.SelectMany(line => line.Queues);

    /// <summary>
    /// Whether something waits of which it is not known
    /// yet if the latest kinds of workers can run it.
    /// </summary>
    public bool HasToSort
    {
        get
        {
            while (_toSort.TryPeek(out var line) && line.IsEmpty)
                _toSort.Dequeue();
            return _toSort.Count > 0;
        }
    }

    public WorkerKind KindOf(WorkerProperties properties)
    {
        if (_kinds.TryGetValue(properties.PlatformKey, out var kind))
            return kind;
        foreach (var line in _lines.Values.Where(line => line.Key.Generation == _generation))
            _toSort.Enqueue(line);
        _generation++;
        ClearIdleKinds();
        _kinds.Add(properties.PlatformKey, kind = new WorkerKind(properties, _kinds.Count, _generation));
        return kind;
    }

    /// <summary>Whether operations may wait for this kind that it does not see yet.</summary>
    public bool HasToSortFor(WorkerKind kind) => HasToSort && _toSort.Peek().Key.Generation < kind.Generation;

    /// <summary>
    /// Sorts some operations anew, at most so many; fewer where there are many kinds, each of which
    /// is asked about each operation.
    /// </summary>
    public void SortSome(int most)
    {
        for (; most > 0 && HasToSort; most -= 1 + (_kinds.Count / KindsAtOnePrice))
        {
            var operation = _toSort.Peek().Any;
            var client = operation.Queue!.Client;
            Remove(operation);
            Add(operation, client);
        }
    }

    public void Add(ScheduledOperation operation, ClientShare client) =>
        LineOf(operation.Requirements).Add(operation, client);

    public void Remove(ScheduledOperation operation)
    {
        var line = operation.Queue!.Band.Line;
        line.Remove(operation);
        if (!line.IsEmpty)
            return;
        _lines.Remove(line.Key);
        foreach (var kind in _kinds.Values)
            kind.Lines.Remove(line);
    }

    private WaitingLine LineOf(PlatformRequirements requirements)
    {
        Span<byte> bits = stackalloc byte[(_kinds.Count / 8) + 1];
        bits.Clear();
        foreach (var kind in _kinds.Values)
        {
            if (kind.Properties.Matches(requirements))
                bits[kind.Index / 8] |= (byte)(1 << (kind.Index % 8));
        }

        var key = new LineKey(_generation, new BigInteger(bits, isUnsigned: true));
        if (_lines.TryGetValue(key, out var line))
            return line;
        _lines.Add(key, line = new WaitingLine(key, _changes));
        foreach (var kind in _kinds.Values)
        {
            if ((bits[kind.Index / 8] & (1 << (kind.Index % 8))) != 0)
                kind.Lines.Add(line);
        }

        return line;
    }

    private void ClearIdleKinds()
    {
        var idle = _kinds.Where(k => k.Value.Workers == 0).Select(k => k.Key).ToList();
        if (idle.Count < MostIdleKinds)
            return;
        idle.ForEach(platformKey => _kinds.Remove(platformKey));
        var index = 0;
        foreach (var kind in _kinds.Values)
            kind.Index = index++;
    }
}
