using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Storage.Native;

namespace NativeLink.Actors.Storage.Trees;

/// <summary>
/// Notes what the store's files looked like before an action got hard links to them, and takes those that changed out of the store afterwards. An
/// action that puts size, mode and times back as they were can fool it, which is one reason why hard links have to be asked for.
/// </summary>
internal sealed class HardLinkGuard
{
    private readonly ContentStore _store;
    private readonly Dictionary<Digest, Look> _before = [];
    private readonly HashSet<Digest> _executables;

    public HardLinkGuard(ContentStore store, DirectoryNode node, IEnumerable<Digest> files)
    {
        _store = store;
        _executables = ExecutablesOf(node);
        foreach (var file in files)
        {
            if (_executables.Contains(file))
                store.Links.EnsureTwin(file);
            _before[file] = LookAt(file);
        }
    }

    public void QuarantineChanged()
    {
        foreach (var (file, look) in _before)
        {
            var now = LookAt(file);
            // Size 0 with time 0: gone. An evicted blob is nobody's damage.
            if ((now.Plain != look.Plain && now.Plain != default) || (now.Twin != look.Twin && now.Twin != default))
                _store.Quarantine(file, "an action changed it through a hard link");
        }
    }

    private Look LookAt(in Digest file) => new(StateOf(_store.Links.PathOf(file)), _executables.Contains(file) ? StateOf(_store.Links.TwinPathOf(file)) : default);

    private static State StateOf(string path) =>
        Libc.StatxAt(Libc.AtFdCwd, path, Libc.AtSymlinkNoFollow, Libc.StatxBasic, out var status) == 0
            ? new State(status.Inode, status.Size, status.Mode, status.ModifyTime.TotalNanoseconds)
            : default;

    private static HashSet<Digest> ExecutablesOf(DirectoryNode node)
    {
        var found = new HashSet<Digest>(node.Files.Where(static file => file.Executable && !file.Digest.IsEmpty).Select(static file => file.Digest));
        foreach (var child in node.Children!)
            found.UnionWith(ExecutablesOf(child));
        return found;
    }

    private readonly record struct State(ulong Inode, ulong Size, ushort Mode, long Modified);

    private readonly record struct Look(State Plain, State Twin);
}
