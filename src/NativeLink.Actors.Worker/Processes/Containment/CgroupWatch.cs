using System.Runtime.InteropServices;

namespace NativeLink.Actors.Worker.Processes.Containment;

/// <summary>
/// Tells which groups somebody has written to (inotify(7)): limits, a freeze, controllers, groups
/// below. An action may do that where the worker may, and whoever comes into its group next would
/// find it so. What a file holds need not be known for that, nor which files there are.
/// </summary>
internal sealed unsafe class CgroupWatch : IDisposable
{
    private const uint Watched =
        InotifyMask.Modify | InotifyMask.Attributes | InotifyMask.Moved | InotifyMask.Create | InotifyMask.Delete;

    private const int HeaderSize = 16;
    private const int BufferSize = 16 * 1024;

    private readonly Lock _gate = new();
    private readonly Dictionary<int, CgroupGroup> _watched = [];
    private readonly byte[] _buffer = new byte[BufferSize];
    private readonly int _inotify = Libc.InotifyInit(OpenFlags.NonBlocking | OpenFlags.CloseOnExec);

    /// <summary>Watches a new group.</summary>
    /// <returns>False when this cannot be: then nobody knows what becomes of it.</returns>
    internal bool Add(CgroupGroup group, string path)
    {
        lock (_gate)
        {
            var watch = _inotify < 0 ? -1 : Libc.InotifyAdd(_inotify, path, Watched);
            if (watch < 0) return false;
            _watched[watch] = group;
            return true;
        }
    }

    /// <summary>Takes in what has happened until now.</summary>
    internal void Look()
    {
        lock (_gate)
        {
            while (true)
            {
                nint length;
                fixed (byte* bytes = _buffer) length = Libc.Read(_inotify, bytes, BufferSize);
                if (length <= 0) return;
                Take(_buffer.AsSpan(0, (int)length));
            }
        }
    }

    public void Dispose()
    {
        if (_inotify >= 0) _ = Libc.Close(_inotify);
    }

    private void Take(ReadOnlySpan<byte> events)
    {
        while (events.Length >= HeaderSize)
        {
            var (watch, mask) = (MemoryMarshal.Read<int>(events), MemoryMarshal.Read<uint>(events[4..]));
            var nameLength = MemoryMarshal.Read<int>(events[12..]);
            var name = events.Slice(HeaderSize, nameLength).TrimEnd((byte)0);
            events = events[(HeaderSize + nameLength)..];
            if ((mask & InotifyMask.Overflow) != 0)
            {
                foreach (var group in _watched.Values) group.Touched = true;
            }
            else if ((mask & InotifyMask.Ignored) != 0)
            {
                _watched.Remove(watch);
            }
            else if (!IsHarmless(name) && _watched.TryGetValue(watch, out var group))
            {
                group.Touched = true;
            }
        }
    }

    /// <summary>What the kernel itself changes, and the peak that is set back for the next tree.</summary>
    private static bool IsHarmless(ReadOnlySpan<byte> name) =>
        name.SequenceEqual("cgroup.events"u8) || name.SequenceEqual("memory.events"u8)
            || name.SequenceEqual("memory.events.local"u8)
        || name.SequenceEqual("memory.swap.events"u8) || name.SequenceEqual("memory.peak"u8)
        || name.SequenceEqual("pids.events"u8)
        || name.SequenceEqual("pids.events.local"u8);
}
