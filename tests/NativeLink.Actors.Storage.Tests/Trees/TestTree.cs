using Google.Protobuf;
using NativeLink.Actors.Protocol.Hashing;
using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Storage.Trees;

namespace NativeLink.Actors.Storage.Tests.Trees;

/// <summary>Input trees in memory: a CAS of directories and files that counts what is asked of it.</summary>
internal sealed class TestTree(ContentStore store) : ITreeSource
{
    /// <summary>Where fetched files go.</summary>
    public ContentStore Store { get; set; } = store;

    public Dictionary<Digest, Reapi.Directory> Directories { get; } = [];

    public Dictionary<Digest, byte[]> Files { get; } = [];

    public int DirectoryCalls { get; private set; }

    public int DirectoriesAsked { get; private set; }

    /// <summary>Directories for which a whole tree would have been asked.</summary>
    public int WholeTreesWelcome { get; private set; }

    public int FetchCalls { get; private set; }

    public HashSet<Digest> Fetched { get; } = [];

    /// <summary>Runs before each fetch, with the token of the caller.</summary>
    public Func<CancellationToken, Task> BeforeFetch { get; set; } = static _ => Task.CompletedTask;

    public Reapi.FileNode File(string name, string content, bool executable = false) =>
        File(name, Blobs.Bytes(content), executable);

    public Reapi.FileNode File(string name, byte[] content, bool executable = false)
    {
        var digest = Blobs.DigestOf(content);
        Files[digest] = content;
        return new Reapi.FileNode { Name = name, Digest = digest.ToWire(), IsExecutable = executable };
    }

    public Digest Add(Reapi.Directory directory)
    {
        var digest = BlobHasher.Compute(directory.ToByteArray(), DigestFunction.Sha256);
        Directories[digest] = directory;
        return digest;
    }

    /// <summary>
    /// A directory of files and subdirectories; a value that is
    /// a digest is a subdirectory, text is a file's content.
    /// </summary>
    public Digest Dir(params (string Name, object Content)[] entries)
    {
        var directory = new Reapi.Directory();
        foreach (var (name, content) in entries)
        {
            if (content is Digest child)
                directory.Directories.Add(new Reapi.DirectoryNode { Name = name, Digest = child.ToWire() });
            else if (content is Reapi.SymlinkNode link)
                directory.Symlinks.Add(new Reapi.SymlinkNode(link) { Name = name });
            else if (content is Reapi.FileNode file)
                directory.Files.Add(new Reapi.FileNode(file) { Name = name });
            else
                directory.Files.Add(File(name, (string)content));
        }
        return Add(directory);
    }

    /// <summary>
    /// Files, 15 a directory, below a tree of directories
    /// 6 deep: about the shape of a source tree's inputs.
    /// </summary>
    public Digest Large(int files, int fileSize, int changed = -1, int executableEach = int.MaxValue)
    {
        var leaves = new List<Digest>();
        for (var start = 0; start < files; start += 15)
        {
            var directory = new Reapi.Directory();
            for (var i = start; i < Math.Min(files, start + 15); i++)
                directory.Files.Add(File($"file-{i:D6}", Blobs.Numbered(i == changed ? -i - 1 : i, fileSize),
                    executable: i % executableEach == 1));
            leaves.Add(Add(directory));
        }
        for (var level = 0; level < 5; level++)
        {
            var width = level == 4 ? leaves.Count : 4;
            leaves = leaves.Chunk(Math.Max(1, width))
                .Select(chunk => Dir([.. chunk.Select((digest, i) => ($"d{i}", (object)digest))])).ToList();
        }
        return leaves.Single();
    }

    public Task<IReadOnlyDictionary<Digest, Reapi.Directory>> GetDirectoriesAsync(
        IReadOnlyCollection<Digest> directories, Func<Digest, Reapi.Directory, bool> isCold,
        CancellationToken cancellation)
    {
        DirectoryCalls++;
        DirectoriesAsked += directories.Count;
        ThrowIfMissing(directories.Where(digest => !Directories.ContainsKey(digest)).ToList());
        WholeTreesWelcome += directories.Count(digest => isCold(digest, Directories[digest]));
        return Task.FromResult<IReadOnlyDictionary<Digest, Reapi.Directory>>(
            directories.ToDictionary(static digest => digest, digest => Directories[digest]));
    }

    public async Task<IDisposable> FetchAsync(IReadOnlyCollection<Digest> files, CancellationToken cancellation)
    {
        lock (Fetched)
        {
            FetchCalls++;
            Fetched.UnionWith(files);
        }
        await BeforeFetch(cancellation);
        ThrowIfMissing(files.Where(digest => !Files.ContainsKey(digest)).ToList());
        foreach (var digest in files)
            Store.Put(digest, Files[digest]);
        return Store.LeaseAll(files, out _);
    }

    private static void ThrowIfMissing(List<Digest> missing)
    {
        if (missing.Count > 0)
            throw new FaultException(new Fault(FaultKind.Missing, $"{missing.Count} blobs are missing")
            {
                Missing = [.. missing],
            });
    }
}
