using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;

namespace NativeLink.Actors.Worker.Processes.Containment;

/// <summary>
/// A cgroup v2 of its own for every tree. Nothing can leave it without the right to write other
/// groups, <c>cgroup.kill</c> ends all that is in it (also what forks at that moment), and
/// <c>cgroup.events</c> proves it empty. A child is made in its group (clone3(2),
/// CLONE_INTO_CGROUP): it never is anywhere else. Groups are used again: making, removing and
/// accounting one costs more than all the rest.
/// </summary>
internal sealed class CgroupContainment : IContainment
{
    private const string Prefix = "nativelink-actors.";
    private const int MostSpareGroups = 64;
    private static int _instances;

    private readonly string _root;
    private readonly ConcurrentBag<CgroupGroup> _spare = [];
    private readonly ConcurrentBag<string> _left = [];
    private int _groups;
    private int _spares;

    private CgroupContainment(string root) => _root = root;

    public string Description => $"a cgroup of its own for every action below {_root}, ended by cgroup.kill: certain";

    /// <summary>Makes the directory for this process's groups and removes what a crashed one left.</summary>
    /// <exception cref="FaultException">Worker: not possible here; says why.</exception>
    internal static CgroupContainment Create()
    {
        var hierarchy = CgroupHierarchy.Find()
            ?? throw new FaultException(FaultKind.Worker, "no cgroup v2 file system is mounted");
        var own = hierarchy.Own;
        var name = string.Create(CultureInfo.InvariantCulture,
            $"{Prefix}{ProcessIdentity.Name}{Interlocked.Increment(ref _instances)}");
        var root = Path.Combine(own, name);
        if (Libc.MakeDirectoryAt(Libc.AtFdCwd, root, 0x1ED) != 0)
            throw new FaultException(FaultKind.Worker, $"cannot make a group in {own}: {Errno.Message(Errno.Last)}");

        // Only now: who may make no group may not remove one either,
        // and would try in vain for as long as that may take.
        RemoveStale(own);

        // Peak memory and out-of-memory kills are exact where this
        // controller is to be had; where not, sampling has to do.
        _ = Libc.WriteText(own + "/cgroup.subtree_control", "+memory"u8);
        _ = Libc.WriteText(root + "/cgroup.subtree_control", "+memory"u8);
        return new CgroupContainment(root);
    }

    internal CgroupWatch Watch { get; } = new();

    public ILaneContainment ForLane() => new CgroupLane(this);

    internal CgroupGroup Take()
    {
        // Somebody may have written to a spare one since it was given back.
        if (!_spare.IsEmpty) Watch.Look();
        while (_spare.TryTake(out var group))
        {
            Interlocked.Decrement(ref _spares);
            if (!group.Touched) return group;
            group.Remove();
        }

        return new CgroupGroup(
            this, Path.Combine(_root, Interlocked.Increment(ref _groups).ToString(CultureInfo.InvariantCulture)));
    }

    internal void GiveBack(CgroupGroup group)
    {
        if (Interlocked.Increment(ref _spares) <= MostSpareGroups)
        {
            _spare.Add(group);
            return;
        }

        Interlocked.Decrement(ref _spares);
        group.Remove();
    }

    /// <summary>
    /// Removes a group and those below it; what the kernel
    /// still holds is tried again with the next ones.
    /// </summary>
    internal void RemoveDirectory(string path)
    {
        var before = _left.Count;
        if (!TryRemove(path)) _left.Add(path);
        for (; before > 0 && _left.TryTake(out var old); before--)
            if (!TryRemove(old)) _left.Add(old);
    }

    public void Dispose()
    {
        while (_spare.TryTake(out var group)) group.Remove();
        Watch.Dispose();
        EndAndRemove(_root, TimeSpan.FromSeconds(2));
    }

    /// <summary>From below, as groups are removed; true when it is gone.</summary>
    private static bool TryRemove(string path)
    {
        if (Libc.UnlinkAt(Libc.AtFdCwd, path, Libc.AtRemoveDir) == 0) return true;
        if (Errno.Last == Errno.ENOENT) return true;
        try
        {
            foreach (var below in Directory.EnumerateDirectories(path)) _ = TryRemove(below);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return error is DirectoryNotFoundException;
        }

        return Libc.UnlinkAt(Libc.AtFdCwd, path, Libc.AtRemoveDir) == 0;
    }

    private static void RemoveStale(string own)
    {
        foreach (var directory in Directory.EnumerateDirectories(own, Prefix + "*").ToList())
            if (ProcessIdentity.HasEnded(Path.GetFileName(directory)[Prefix.Length..])) EndAndRemove(
                directory, TimeSpan.FromSeconds(5));
    }

    /// <summary>
    /// Kills what is in the group and below, and removes it;
    /// gives up after the bound, the next start tries again.
    /// </summary>
    private static void EndAndRemove(string directory, TimeSpan bound)
    {
        var began = Stopwatch.GetTimestamp();
        using var never = new ManualResetEventSlim();
        while (true)
        {
            _ = Libc.WriteText(directory + "/cgroup.kill", "1"u8);
            if (TryRemove(directory) || Stopwatch.GetElapsedTime(began) > bound) return;
            never.Wait(2);
        }
    }
}
