using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Storage.Filesystem.Verification;
using NativeLink.Actors.Storage.Trees;

namespace NativeLink.Actors.Storage.Materialisers;

/// <summary>
/// Notes what the store's files looked like before an action got hard links to them, and takes
/// those that changed out of the store afterwards. An action that puts size, mode and times back as
/// they were can fool it, which is one reason why hard links have to be asked for.
/// </summary>
internal sealed class HardLinkGuard
{
    private readonly ContentStore _store;
    private readonly Dictionary<Digest, Snapshot> _before = [];
    private readonly HashSet<Digest> _executables;

    public HardLinkGuard(ContentStore store, DirectoryNode node, IEnumerable<Digest> files)
    {
        _store = store;
        _executables = ExecutablesOf(node);
        foreach (var file in files)
        {
            if (_executables.Contains(file))
                store.Links.EnsureExecutableCopy(file);
            _before[file] = SnapshotOf(file);
        }
    }

    /// <summary>
    /// A file that looks different is hashed: its blob may only have come back, or got a new inode,
    /// which can be a copy of the old one after it was changed. A gone one is nobody's damage.
    /// </summary>
    public void QuarantineChanged()
    {
        foreach (var (file, before) in _before)
        {
            var now = SnapshotOf(file);
            if (IsCorrupt(file, _store.Links.PathOf(file), before.Plain, now.Plain)
                || IsCorrupt(file, _store.Links.ExecutableCopyPathOf(file), before.ExecutableCopy, now.ExecutableCopy))
                _store.Quarantine(file, "an action changed it through a hard link");
        }
    }

    private static bool IsCorrupt(in Digest file, string path, State before, State now) =>
        now != before && now != default && (now.Mode != before.Mode || !HasContent(file, path));

    private static bool HasContent(in Digest file, string path)
    {
        try
        {
            return BlobVerification.FindCorruption(path, file) is null;
        }
        catch (FaultException)
        {
            // It is there and cannot be opened: nothing that the store made.
            return false;
        }
    }

    private Snapshot SnapshotOf(in Digest file) => new(StateOf(_store.Links.PathOf(file)), _executables.Contains(file)
        ? StateOf(_store.Links.ExecutableCopyPathOf(file))
        : default);

    private static State StateOf(string path) =>
        Libc.StatxAt(Libc.AtFdCwd, path, Libc.AtSymlinkNoFollow, StatxBuffer.Basic, out var status) == 0
            ? new State(status.Inode, status.Size, status.Mode, status.ModifyTime.TotalNanoseconds)
            : default;

    private static HashSet<Digest> ExecutablesOf(DirectoryNode node)
    {
        var found = new HashSet<Digest>(node.Files.Where(static file => file.Executable && !file.Digest.IsEmpty)
            .Select(static file => file.Digest));
        foreach (var child in node.Children!)
            found.UnionWith(ExecutablesOf(child));
        return found;
    }

    private readonly record struct State(ulong Inode, ulong Size, ushort Mode, long Modified);

    private readonly record struct Snapshot(State Plain, State ExecutableCopy);
}
