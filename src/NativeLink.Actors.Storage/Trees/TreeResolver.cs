using System.Collections.Immutable;
using Grpc.Core;

namespace NativeLink.Actors.Storage.Trees;

/// <summary>
/// Finds out what a tree is made of: known directories are taken from memory, the others are asked
/// for level by level. Everything is checked before anything reaches the disk.
/// </summary>
internal sealed class TreeResolver(DirectoryNodeCache nodes, TreeLimits limits)
{
    private const int RecentRoots = 6;

    /// <summary>The complete tree below a root.</summary>
    /// <exception cref="FaultException">Action (bad tree or above the limits), Missing
    /// (directories, and the files of those found), or the source's own.</exception>
    public async Task<(DirectoryNode Root, int Asked)> ResolveAsync(
        Digest root, ITreeSource source, CancellationToken cancellation)
    {
        if (nodes.Find(root) is { } known)
            return (Bounded(known), 0);
        var walk = new Walk(nodes);
        walk.Want(root, null);
        var missing = new HashSet<Digest>();
        for (var depth = 0; walk.Wanted.Count > 0; depth++)
        {
            if (depth >= limits.MaxDepth)
                throw TooMuch($"is deeper than {limits.MaxDepth} directories");
            foreach (var (digest, message) in await AskAsync(source, walk, missing, cancellation))
                walk.Offer(digest, message);
            walk.Advance(missing);
            if (walk.Entries > limits.MaxEntries)
                throw TooMuch($"has more than {limits.MaxEntries} entries");
        }
        if (missing.Count > 0)
            await ThrowMissingAsync(walk, missing, source, cancellation);
        return (Bounded(walk.Complete(root, limits.MaxDepth, TooMuch)), walk.Asked);
    }

    /// <summary>
    /// Asks for a level. What is missing is noted and the rest asked for again, so that one fault
    /// can name all that is missing.
    /// </summary>
    private static async Task<IReadOnlyDictionary<Digest, Reapi.Directory>> AskAsync(
        ITreeSource source,
        Walk walk,
        HashSet<Digest> missing,
        CancellationToken cancellation)
    {
        IReadOnlyCollection<Digest> ask = walk.Wanted.Keys;
        while (ask.Count > 0)
        {
            try
            {
                return await source.GetDirectoriesAsync(ask, walk.IsCold, cancellation);
            }
            catch (FaultException error)
                when (error.Fault is { Kind: FaultKind.Missing, Missing.IsDefaultOrEmpty: false })
            {
                var before = ask.Count;
                missing.UnionWith(error.Fault.Missing);
                ask = ask.Where(digest => !missing.Contains(digest)).ToList();
                if (ask.Count == before)
                    throw;
            }
        }
        return ImmutableDictionary<Digest, Reapi.Directory>.Empty;
    }

    private static async Task ThrowMissingAsync(
        Walk walk, HashSet<Digest> missing, ITreeSource source, CancellationToken cancellation)
    {
        try
        {
            // The files are fetched, not only asked about: the client sends what is missing and
            // comes again, and then they are needed.
            (await source.FetchAsync(walk.Files, cancellation)).Dispose();
        }
        catch (FaultException error) when (error.Fault.Kind == FaultKind.Missing)
        {
            missing.UnionWith(error.Fault.Missing);
        }
        throw new FaultException(new Fault(FaultKind.Missing,
            $"{missing.Count} blobs of the input tree are not in the CAS, the first is {missing.First()}")
        {
            Code = StatusCode.FailedPrecondition,
            Missing = [.. missing],
        });
    }

    private DirectoryNode Bounded(DirectoryNode root)
    {
        if (root.Size.Depth > limits.MaxDepth)
            throw TooMuch($"is deeper than {limits.MaxDepth} directories");
        if (root.Size.Entries > limits.MaxEntries)
            throw TooMuch($"has {root.Size.Entries} entries, more than {limits.MaxEntries}");
        if (root.Size.Bytes > limits.MaxBytes)
            throw TooMuch($"has {root.Size.Bytes} bytes, more than {limits.MaxBytes}");
        if (root.Size.LongestPath > limits.MaxPath)
            throw TooMuch($"has a path of {root.Size.LongestPath} bytes, more than {limits.MaxPath}");
        if (root.Size.PathBytes > limits.MaxPathBytes)
            throw TooMuch(
                $"has directories whose paths have {root.Size.PathBytes} bytes in all, " +
                $"more than {limits.MaxPathBytes}");
        return root;
    }

    private static FaultException TooMuch(string what) =>
        new(new Fault(FaultKind.Action, $"the input tree {what}; this worker does not take it")
        {
            Code = StatusCode.InvalidArgument,
        });

    /// <summary>The directories met so far on the way down.</summary>
    private sealed class Walk(DirectoryNodeCache nodes)
    {
        private readonly Dictionary<Digest, Reapi.Directory> _offered = [];
        private readonly Dictionary<Digest, DirectoryNode> _met = [];
        private readonly RecentDirectories _recent = new(nodes.RecentRoots(RecentRoots));

        /// <summary>What has to be asked for next, and where it was met first.</summary>
        public Dictionary<Digest, TreePath?> Wanted { get; private set; } = [];

        public int Asked { get; private set; }

        public long Entries { get; private set; }

        public IReadOnlyCollection<Digest> Files =>
            _met.Values.Where(static node => !node.IsComplete).SelectMany(static node => node.Files)
                .Select(static file => file.Digest).Where(static digest => !digest.IsEmpty).ToHashSet();

        /// <summary>
        /// Whether nothing below a directory is likely to be known: none of its children is, and no
        /// tree that was used lately has a directory of the same name as one of them in the same
        /// place. There, most is likely to be as it was, however few directories lie side by side
        /// on the way to what changed.
        /// </summary>
        public bool IsCold(Digest digest, Reapi.Directory message)
        {
            foreach (var child in message.Directories)
            {
                if (Digest.TryFromWire(child.Digest, digest.Function, out var known) && !known.IsEmpty
                    && nodes.Find(known) is not null)
                    return false;
            }
            if (_recent.IsEmpty || !Wanted.TryGetValue(digest, out var place))
                return true;
            var old = _recent.At(place);
            if (old.Count == 0)
                return true;
            var names = message.Directories.Select(static child => child.Name).ToHashSet();
            return !old.Any(directory => directory.Directories.Any(child => names.Contains(child.Name)));
        }

        public void Want(in Digest digest, TreePath? path)
        {
            if (_met.ContainsKey(digest) || Wanted.ContainsKey(digest))
                return;
            if (nodes.Find(digest) is { } known)
                _met.Add(digest, known);
            else if (digest.IsEmpty)
                _met.Add(digest, new DirectoryNode(digest, [], [], []));
            else
                Wanted.Add(digest, path);
        }

        public void Offer(in Digest digest, Reapi.Directory message)
        {
            if (_offered.TryAdd(digest, message))
                Asked++;
        }

        /// <summary>
        /// Reads what was wanted and is here; what it leads to
        /// is wanted next, through all that came along unasked.
        /// </summary>
        public void Advance(HashSet<Digest> missing)
        {
            var open = new Queue<KeyValuePair<Digest, TreePath?>>(Wanted);
            Wanted = [];
            while (open.TryDequeue(out var next))
            {
                if (missing.Contains(next.Key) || _met.ContainsKey(next.Key))
                    continue;
                if (!_offered.Remove(next.Key, out var message))
                    throw new FaultException(
                        FaultKind.Storage, $"directory {next.Key} of the input tree was asked for and did not come");
                var node = DirectoryReader.Read(next.Key, message, next.Value);
                _met.Add(next.Key, node);
                Entries += node.Files.Length + node.Directories.Length + node.Symlinks.Length;
                foreach (var child in node.Directories)
                    WantOrOpen(child, next.Value, open);
            }
        }

        /// <summary>Joins what was met into a tree, children first.</summary>
        public DirectoryNode Complete(in Digest digest, int depthLeft, Func<string, FaultException> tooMuch)
        {
            var node = _met[digest];
            if (node.IsComplete)
                return node;
            if (depthLeft == 0)
                throw tooMuch("is too deep");
            var children = new DirectoryNode[node.Directories.Length];
            for (var i = 0; i < children.Length; i++)
                children[i] = Complete(node.Directories[i].Digest, depthLeft - 1, tooMuch);
            node.Complete(children);
            return _met[digest] = nodes.Intern(node);
        }

        private void WantOrOpen(in ChildItem child, TreePath? parent, Queue<KeyValuePair<Digest, TreePath?>> open)
        {
            var path = new TreePath(parent, child.Name);
            if (_offered.ContainsKey(child.Digest))
                open.Enqueue(new(child.Digest, path));
            else
                Want(child.Digest, path);
        }
    }
}
