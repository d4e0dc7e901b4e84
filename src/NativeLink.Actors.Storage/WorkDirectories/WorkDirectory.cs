using System.Diagnostics;
using Grpc.Core;
using NativeLink.Actors.Protocol.Hashing;

namespace NativeLink.Actors.Storage.WorkDirectories;

/// <summary>
/// The directory in which a worker's actions run: checked, wiped and locked at start; holds
/// <c>{attempt}/work</c> while an action runs, and names with a dot that are this program's own.
/// Finished actions are renamed away at once and deleted in the background. Thread-safe.
/// </summary>
internal sealed class WorkDirectory : IDisposable
{
    private const string LockName = ".lock";
    private const int LongestName = 200;

    // What was freed may be taken by others before it is used.
    private const int MostTries = 3;

    private readonly DirectoryLock _lock;
    private static readonly TimeSpan OthersPatience = TimeSpan.FromSeconds(5);

    private readonly HashSet<ActionDirectory> _live = [];
    private readonly Action<string>? _onWarning;
    private readonly DeletionQueue _deletions;

    private WorkDirectory(string path, DirectoryLock held, Action<string>? onWarning)
    {
        _onWarning = onWarning;
        (Path, _lock) = (path, held);
        UpperDirectoryRoot = System.IO.Path.Combine(path, ".scratch");
        Directory.CreateDirectory(UpperDirectoryRoot);
        _deletions = new DeletionQueue(System.IO.Path.Combine(path, ".trash"), onWarning);
    }

    /// <summary>Absolute path of this worker's part.</summary>
    public string Path { get; }

    /// <summary>A directory for <see cref="Materialisers.InputRoots"/>, on the file system of the actions.</summary>
    public string UpperDirectoryRoot { get; }

    /// <summary>Action directories that wait for deletion.</summary>
    public int Backlog => _deletions.Backlog;

    /// <summary>Completes when nothing waits for deletion.</summary>
    public Task Idle => _deletions.Idle;

    /// <summary>
    /// Checks the directory, takes its lock, unmounts what a run of ours has left mounted below it,
    /// and wipes it. With a part name only the part is locked and wiped, and with it the parts
    /// whose workers have ended: several processes can share the directory.
    /// </summary>
    /// <param name="path">The configured <c>work_directory</c>, absolute.</param>
    /// <param name="partName">The worker's id where several processes share the directory; null:
    /// the directory is this worker's alone.</param>
    /// <param name="mustSurvive">Directories that may not lie in it: stores and caches.</param>
    /// <param name="onWarning">Hears one sentence about everything that could not be deleted.</param>
    /// <exception cref="FaultException">Worker: it may not be wiped, is in use, or cannot be made;
    /// says which and what to do. Nothing was changed.</exception>
    public static WorkDirectory Open(
        string path, string? partName = null, IEnumerable<string>? mustSurvive = null, Action<string>? onWarning = null)
    {
        if (WorkDirectoryCheck.WhyNot(path, mustSurvive ?? []) is { } why)
            throw new FaultException(FaultKind.Worker, why);
        try
        {
            var whole = System.IO.Path.GetFullPath(path);
            Directory.CreateDirectory(whole);
            File.WriteAllBytes(System.IO.Path.Combine(whole, WorkDirectoryCheck.Marker), []);
            var part = partName is null ? whole : System.IO.Path.Combine(whole, SafeName(partName));
            Directory.CreateDirectory(part);
            return new WorkDirectory(part, LockAndWipe(whole, part, onWarning), onWarning);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new FaultException(FaultKind.Worker, $"work_directory {path} cannot be used: {error.Message}", error);
        }
    }

    /// <summary><see cref="NewActionDirectory"/>, made at once.</summary>
    /// <exception cref="FaultException">Worker: the disk refused it.</exception>
    public ActionDirectory CreateActionDirectory(AttemptId attempt, Func<string, bool>? makeRoom = null)
    {
        var directory = NewActionDirectory(attempt, makeRoom);
        directory.Make();
        return directory;
    }

    /// <summary>
    /// <c>{attempt}</c>, which is made when its input root is. Nobody else has or had that name
    /// since this directory was wiped: no attempt's clean-up can reach another's. The action's
    /// root, <c>work</c> in it, is not made.
    /// </summary>
    /// <param name="attempt">Whose directory it is.</param>
    /// <param name="makeRoom">Asked, with a path on the full disk, to give something up for it;
    /// answers whether it did.</param>
    public ActionDirectory NewActionDirectory(AttemptId attempt, Func<string, bool>? makeRoom = null)
    {
        var directory = new ActionDirectory(this, System.IO.Path.Combine(Path, SafeName(attempt.ToString())), makeRoom);
        lock (_live)
            _live.Add(directory);
        return directory;
    }

    /// <summary>
    /// Gives up what attempts still have here: nobody is left
    /// who would. Waits, for a while, for who does it already.
    /// </summary>
    public void GiveUpAll()
    {
        List<ActionDirectory> left;
        lock (_live)
            left = [.. _live];
        foreach (var directory in left)
        {
            try
            {
                directory.Dispose();
            }
            catch (Exception error)
            {
                _onWarning?.Invoke(
                    $"{directory.Path} could not be given up: {error.Message}; the next start removes it");
            }
        }
        WaitForOthers();
    }

    /// <summary>Waits up to 5 s for what is being deleted, then leaves the rest to the next start.</summary>
    public void Dispose()
    {
        _deletions.Dispose();
        _lock.Dispose();
    }

    internal void Make(string path, Func<string, bool>? makeRoom)
    {
        for (var tries = 0; Libc.MakeDirectoryAt(Libc.AtFdCwd, path, 0x1ED) != 0; tries++)
        {
            var errno = Errno.Last;
            if (!Errno.IsFull(errno) || tries == MostTries || makeRoom?.Invoke(Path) != true)
                throw new FaultException(
                    new Fault(FaultKind.Worker, $"action directory {path} cannot be made: {Errno.Text(errno)}")
                    {
                        Code = Errno.IsFull(errno) || Errno.IsScarce(errno) ? StatusCode.Unavailable : null,
                    });
        }
    }

    internal void Forget(ActionDirectory directory)
    {
        lock (_live)
        {
            _live.Remove(directory);
            Monitor.PulseAll(_live);
        }
    }

    /// <summary>
    /// Somebody may be about to take one away at this
    /// moment: what that needs is not to be closed under it.
    /// </summary>
    private void WaitForOthers()
    {
        lock (_live)
        {
            var since = Stopwatch.StartNew();
            while (_live.Count > 0 && OthersPatience - since.Elapsed is { Ticks: > 0 } left)
                Monitor.Wait(_live, left);
        }
    }

    internal void Remove(string path)
    {
        if (IsMounted(path))
            OwnMounts.UnmountBelow(path);
        _deletions.Enqueue(path);
    }

    /// <summary>
    /// An id that the scheduler had a part in as a name:
    /// verbatim where it is a plain one, else a hash of it.
    /// </summary>
    public static string SafeName(string id)
    {
        var plain = id.Length is > 0 and <= LongestName && id[0] != '.'
            && id.All(static letter => char.IsAsciiLetterOrDigit(letter)
                || letter is '-' or '_' or '.' or ':' or '+' or '@' or '=');
        return plain
            ? id
            : "id-" + BlobHasher.Compute(System.Text.Encoding.UTF8.GetBytes(id), DigestFunction.Sha256).Hash;
    }

    private static bool IsMounted(string path) =>
        Libc.StatxAt(Libc.AtFdCwd, System.IO.Path.Combine(path, "work"), Libc.AtSymlinkNoFollow, StatxBuffer.Basic,
            out var work) == 0
        && Libc.StatxAt(Libc.AtFdCwd, path, Libc.AtSymlinkNoFollow, StatxBuffer.Basic, out var parent) == 0
        && work.Device != parent.Device;

    private static DirectoryLock LockAndWipe(string whole, string part, Action<string>? onWarning)
    {
        using var gate = DirectoryLock.Wait(System.IO.Path.Combine(whole, ".gate"));
        if (part != whole)
            File.WriteAllBytes(System.IO.Path.Combine(part, WorkDirectoryCheck.Marker), []);
        var held = DirectoryLock.TryTake(System.IO.Path.Combine(part, LockName))
            ?? throw new FaultException(FaultKind.Worker,
                $"work_directory {part} is in use by another worker; give each worker a directory or an id of its own");
        try
        {
            if (part == whole)
                RefuseWhileParts(whole);
            else
                RefuseWhileWhole(whole);
            var trash = System.IO.Path.Combine(part, ".trash");
            Wipe(part, trash);
            if (part != whole)
                WipeDeadParts(whole, part, trash, onWarning);
            return held;
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    private static void RefuseWhileParts(string whole)
    {
        foreach (var other in Directory.EnumerateDirectories(whole))
        {
            var file = System.IO.Path.Combine(other, LockName);
            if (!File.Exists(file))
                continue;
            using var free = DirectoryLock.TryTake(file);
            if (free is null)
                throw new FaultException(FaultKind.Worker,
                    $"work_directory {whole} cannot be wiped: another worker runs in its part {other}");
        }
    }

    private static void RefuseWhileWhole(string whole)
    {
        using var free = DirectoryLock.TryTake(System.IO.Path.Combine(whole, LockName));
        if (free is null)
            throw new FaultException(
                FaultKind.Worker,
                $"work_directory {whole} is in use as a whole by another worker; give each worker an id, " +
                "or a directory of its own");
    }

    /// <summary>
    /// What workers that have ended left in their parts, mounts too: who has another name, or ran
    /// beside more of its kind, never comes back to it. Under the gate, at which whoever starts
    /// there waits. The marker and the lock stay, for who waits.
    /// </summary>
    private static void WipeDeadParts(string whole, string own, string trash, Action<string>? onWarning)
    {
        foreach (var other in Directory.EnumerateDirectories(whole))
        {
            if (other == own || !IsPart(other))
                continue;
            try
            {
                using var dead = DirectoryLock.TryTake(System.IO.Path.Combine(other, LockName));
                if (dead is not null)
                    Wipe(other, trash);
            }
            catch (Exception error) when (error is FaultException or IOException or UnauthorizedAccessException)
            {
                onWarning?.Invoke($"what an ended worker left in {other} stays there: {error.Message}");
            }
        }
    }

    private static bool IsPart(string path) =>
        File.Exists(System.IO.Path.Combine(path, WorkDirectoryCheck.Marker))
            && File.Exists(System.IO.Path.Combine(path, LockName)) && new DirectoryInfo(path).LinkTarget is null;

    /// <summary>
    /// Everything goes but the marker and the locks; big trees
    /// go into the trash first, so that a start is never slow.
    /// </summary>
    private static void Wipe(string part, string trash)
    {
        if (OwnMounts.UnmountBelow(part) is { } foreign)
        {
            throw new FaultException(
                FaultKind.Worker,
                $"work_directory {part} cannot be wiped: {foreign.MountPoint} is a mount ({foreign.Type} from " +
                $"{foreign.Source}) that no worker made; unmount it");
        }
        Directory.CreateDirectory(trash);
        foreach (var entry in Directory.EnumerateFileSystemEntries(part).ToList())
        {
            if (entry == trash || System.IO.Path.GetFileName(entry) is LockName or ".gate" or "lost+found"
                or WorkDirectoryCheck.Marker)
                continue;
            if (DeletionQueue.MoveInto(trash, entry, out _) != 0 && TreeDeleter.Delete(entry) is [var left, ..])
                throw new FaultException(FaultKind.Worker, $"work_directory {part} cannot be wiped: {left}");
        }
    }
}
