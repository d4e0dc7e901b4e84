namespace NativeLink.Actors.LocalCluster.Scheduling;

/// <summary>
/// Everything that has to happen at a time, earliest first. Adding and cancelling cost the
/// logarithm of what is pending. One thread.
/// </summary>
internal sealed class Deadlines
{
    private readonly SortedSet<Deadline> _pending = [];
    private long _sequence;

    /// <summary>When the next one is due; null if nothing is pending.</summary>
    public TimeSpan? Next => _pending.Count == 0 ? null : _pending.Min!.Due;

    public Deadline Add(TimeSpan due, Action action)
    {
        var deadline = new Deadline(due, _sequence++, action);
        _pending.Add(deadline);
        return deadline;
    }

    /// <summary>Forgets a deadline; one that has fired, or null, is no mistake.</summary>
    public void Cancel(Deadline? deadline)
    {
        if (deadline is not null)
            _pending.Remove(deadline);
    }

    public void FireUntil(TimeSpan now)
    {
        while (_pending.Min is { } first && first.Due <= now)
        {
            _pending.Remove(first);
            first.Action();
        }
    }

    public void Clear() => _pending.Clear();

    internal sealed class Deadline(TimeSpan due, long sequence, Action action) : IComparable<Deadline>
    {
        public TimeSpan Due => due;

        public Action Action => action;

        private long Sequence => sequence;

        public int CompareTo(Deadline? other)
        {
            if (other is null)
                return 1;
            var order = due.CompareTo(other.Due);
            return order != 0 ? order : sequence.CompareTo(other.Sequence);
        }
    }
}
