using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using NativeLink.Actors.Storage.Filesystem.Layout;

namespace NativeLink.Actors.Storage.Filesystem.Leases;

/// <summary>
/// Tells the other processes of a store what this one has leased: a file of counters, each for all
/// blobs whose hashes begin alike, so that a blob may be spared for another's sake and never the
/// other way round. Written from the first lease on: another process may come at any moment, and
/// evict before this one has seen it. The store's gate guards it.
/// </summary>
/// <remarks>
/// Who leases counts first and then looks whether the blob is still there; who evicts takes the
/// blob away first and then looks at the counters, and puts it back if it is leased. So one of the
/// two sees the other, however they meet.
/// </remarks>
internal sealed class LeaseBoard : IDisposable
{
    private const int Counters = 1 << 15;

    private readonly string _directory;
    private readonly ProcessPresence _presence;
    private readonly ushort[] _counts = new ushort[Counters];
    private SafeFileHandle? _file;
    private bool _isClosed;

    // Counters that were changed and not written yet.
    private int _firstChanged = Counters;
    private int _lastChanged = -1;

    public LeaseBoard(string directory, ProcessPresence presence)
    {
        (_directory, _presence) = (directory, presence);
        WriteAll();
    }

    public static string FileOf(string directory, string process) => Path.Combine(directory, process + ".leases");

    public void Add(in Digest key) => Change(CounterOf(key), 1);

    public void Remove(in Digest key) => Change(CounterOf(key), -1);

    /// <summary>Writes what was changed. After it others see what is leased.</summary>
    public void Publish()
    {
        if (_lastChanged < 0)
            return;
        if (_file is null)
            WriteAll();
        else
            Write(_firstChanged, _lastChanged + 1 - _firstChanged);
        (_firstChanged, _lastChanged) = (Counters, -1);
    }

    /// <summary>What others have leased, as they say it.</summary>
    public ForeignLeases OpenOthers() => new(_presence.Others.Select(name => FileOf(_directory, name)));

    public void Dispose()
    {
        _isClosed = true;
        Withdraw();
    }

    private static int CounterOf(in Digest key)
    {
        Span<byte> hash = stackalloc byte[Digest.HashLength];
        key.CopyHashTo(hash);
        return BinaryPrimitives.ReadUInt16LittleEndian(hash) % Counters;
    }

    private void Change(int counter, int by)
    {
        _counts[counter] = (ushort)(_counts[counter] + by);
        (_firstChanged, _lastChanged) = (Math.Min(_firstChanged, counter), Math.Max(_lastChanged, counter));
    }

    private void WriteAll()
    {
        if (_isClosed)
            return;
        try
        {
            _file = File.OpenHandle(FileOf(_directory, _presence.Name), FileMode.Create, FileAccess.Write,
                FileShare.ReadWrite | FileShare.Delete);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Others may evict what is leased here; it is fetched again then.
            return;
        }
        Write(0, Counters);
    }

    private void Write(int first, int count)
    {
        try
        {
            RandomAccess.Write(_file!, MemoryMarshal.AsBytes(_counts.AsSpan(first, count)), first * sizeof(ushort));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            // A full disk, or a file that was sealed against us. Written anew as a whole when the
            // next lease is taken or ended.
            Withdraw();
        }
    }

    private void Withdraw()
    {
        if (_file is null)
            return;
        _file.Dispose();
        _file = null;
        _ = Libc.UnlinkAt(Libc.AtFdCwd, FileOf(_directory, _presence.Name), 0);
    }

    /// <summary>The counters of other processes, open for one round of evictions.</summary>
    public sealed class ForeignLeases(IEnumerable<string> files) : IDisposable
    {
        private readonly ImmutableArray<string> _paths = [.. files];
        private readonly Dictionary<string, SafeFileHandle> _open = [];

        public bool Has(in Digest key)
        {
            var offset = CounterOf(key) * sizeof(ushort);
            Span<byte> count = stackalloc byte[sizeof(ushort)];
            foreach (var path in _paths)
            {
                if (HandleOf(path) is { } file && RandomAccess.Read(file, count, offset) == count.Length
                    && BitConverter.ToUInt16(count) > 0)
                    return true;
            }
            return false;
        }

        public void Dispose()
        {
            foreach (var file in _open.Values)
                file.Dispose();
        }

        /// <summary>A process that has leased nothing so far has no file; it may make one at any moment.</summary>
        private SafeFileHandle? HandleOf(string path)
        {
            if (_open.TryGetValue(path, out var known))
                return known;
            var descriptor = Libc.Open(path, OpenFlags.ReadOnly | OpenFlags.CloseOnExec, 0);
            return descriptor < 0 ? null : _open[path] = new SafeFileHandle(descriptor, ownsHandle: true);
        }
    }
}
