using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;

namespace NativeLink.Actors.Storage.Filesystem.Layout;

/// <summary>
/// Says which processes use a directory: each holds the lock of a file of its own there, which the
/// kernel drops when it ends. What belongs to a name whose lock is free is left over from a process
/// that is gone. Thread-safe.
/// </summary>
internal sealed class ProcessPresence : IDisposable
{
    private const string Suffix = ".lock";

    // Two names that come within one tick of the file system's clock leave the directory with the same time.
    private const long TickMilliseconds = 100;
    private const long LookForDeadMilliseconds = 1000;

    private readonly Lock _looking = new();
    private readonly string _directory;
    private readonly Action<string> _clean;
    private readonly DirectoryLock _own;
    private readonly SafeFileHandle _handle;
    private ImmutableArray<string> _others = [];
    private long _changed;
    private long _changeSeenAt;
    private long _lookedAt = long.MinValue / 2;

    private ProcessPresence(string directory, string name, DirectoryLock own, Action<string> clean)
    {
        (_directory, Name, _own, _clean) = (directory, name, own, clean);
        var descriptor = Libc.Open(directory, OpenFlags.ReadOnly | OpenFlags.Directory | OpenFlags.CloseOnExec, 0);
        _handle = descriptor >= 0
            ? new SafeFileHandle(descriptor, ownsHandle: true)
            : throw DiskFault.Last($"directory {directory} cannot be opened");
    }

    /// <summary>This process's name here; no other process ever has the same.</summary>
    public string Name { get; }

    /// <summary>
    /// Registers this process, and hands the names of those that are gone to
    /// <paramref name="clean"/> while nobody else can register.
    /// </summary>
    /// <exception cref="FaultException">The directory cannot be used.</exception>
    public static ProcessPresence Register(string directory, Action<string> clean)
    {
        Directory.CreateDirectory(directory);
        using var gate = DirectoryLock.Wait(GateOf(directory));
        RemoveDead(directory, ownName: null, clean);
        var name = string.Create(CultureInfo.InvariantCulture,
            $"{Environment.ProcessId}-{RandomNumberGenerator.GetHexString(12, lowercase: true)}");
        var path = Path.Combine(directory, name + Suffix);
        return new ProcessPresence(directory, name, DirectoryLock.TryTake(path)
            ?? throw new FaultException(FaultKind.Storage, $"lock {path} is taken"), clean);
    }

    /// <summary>
    /// The names of the others that use the directory; one that was killed counts for a second
    /// more. Costs one look at the directory's time while nothing has changed.
    /// </summary>
    public ImmutableArray<string> Others
    {
        get
        {
            lock (_looking)
            {
                if (_handle.IsClosed || Libc.StatxAt((int)_handle.DangerousGetHandle(), "", Libc.AtEmptyPath,
                    StatxBuffer.ModificationTime, out var status) != 0)
                    return _others;
                var now = Environment.TickCount64;
                if (status.ModifyTime.TotalNanoseconds != _changed)
                    (_changed, _changeSeenAt, Changes) = (status.ModifyTime.TotalNanoseconds, now, Changes + 1);
                var isSettled = _lookedAt - _changeSeenAt > TickMilliseconds;
                if (!isSettled || (_others.Length > 0 && now - _lookedAt > LookForDeadMilliseconds))
                {
                    try
                    {
                        (_others, _lookedAt) = (Look(), now);
                        HadOthers = !_others.IsEmpty;
                    }
                    catch (Exception error) when (error is IOException or UnauthorizedAccessException or FaultException)
                    {
                        // No descriptor is left, for example. Who asks next looks again; until then it is as it was.
                    }
                }
                return _others;
            }
        }
    }

    public bool HasOthers => !Others.IsEmpty;

    /// <summary>As it was when somebody last looked; costs nothing.</summary>
    public bool HadOthers { get; private set; }

    /// <summary>Goes up when somebody may have come or gone, as seen by the last look for others.</summary>
    public int Changes { get; private set; }

    public void Dispose()
    {
        _ = Libc.UnlinkAt(Libc.AtFdCwd, Path.Combine(_directory, Name + Suffix), 0);
        _own.Dispose();
        lock (_looking)
            _handle.Dispose();
    }

    private ImmutableArray<string> Look()
    {
        // Whoever removes the directory has not removed those who use it.
        if (!Directory.Exists(_directory))
            return _others;
        var others = NamesIn(_directory).Where(name => name != Name).ToImmutableArray();
        if (others.IsEmpty)
            return others;
        // Who registers holds the gate: the lock of a file that has just been made is not its owner's yet.
        using var gate = DirectoryLock.TryTake(GateOf(_directory));
        if (gate is null)
            return others;
        RemoveDead(_directory, Name, _clean);
        return [.. NamesIn(_directory).Where(name => name != Name)];
    }

    private static void RemoveDead(string directory, string? ownName, Action<string> clean)
    {
        foreach (var name in NamesIn(directory).Where(name => name != ownName).ToList())
        {
            var file = Path.Combine(directory, name + Suffix);
            using var stale = DirectoryLock.TryTake(file);
            if (stale is null)
                continue;
            clean(name);
            File.Delete(file);
        }
    }

    private static IEnumerable<string> NamesIn(string directory) =>
        Directory.EnumerateFiles(directory, "*" + Suffix).Select(static path => Path.GetFileNameWithoutExtension(path));

    private static string GateOf(string directory) => Path.Combine(directory, ".gate");
}
