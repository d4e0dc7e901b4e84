using Google.Protobuf;
using NativeLink.Actors.Protocol;
using NativeLink.Actors.Protocol.Hashing;

namespace NativeLink.Actors.Cli.Client;

/// <summary>One blob to upload: its bytes, or the file that holds them.</summary>
internal readonly record struct UploadBlob(ByteString? Data, string? File);

/// <summary>
/// A directory of this machine as a Merkle tree of REAPI <c>Directory</c> messages, with everything
/// that has to be in the CAS for it. Files are hashed, not kept; symlinks are taken as links.
/// </summary>
internal sealed class InputTree
{
    private readonly DigestFunction _function;
    private readonly Dictionary<Digest, UploadBlob> _blobs = [];
    // One for all files: to clear a new one costs more than to read most of them.
    private readonly byte[] _buffer = new byte[1 << 18];

    private InputTree(DigestFunction function) => _function = function;

    /// <summary>The digest of the root directory.</summary>
    public Digest Root { get; private set; }

    /// <summary>Every blob of the tree by digest, and what else was added.</summary>
    public IReadOnlyDictionary<Digest, UploadBlob> Blobs => _blobs;

    /// <summary>Number of files, symlinks included.</summary>
    public int Files { get; private set; }

    /// <summary>Reads the directory; null is an empty tree.</summary>
    /// <exception cref="UsageException">The directory is not there, or something in it cannot be
    /// sent; says what.</exception>
    public static InputTree Read(string? directory, DigestFunction function, CancellationToken cancellation)
    {
        var tree = new InputTree(function);
        if (directory is null)
        {
            tree.Root = tree.Add(new Reapi.Directory());
            return tree;
        }
        if (!Directory.Exists(directory))
            throw new UsageException($"--input {directory}: there is no such directory");
        try
        {
            tree.Root = tree.ReadDirectory(new DirectoryInfo(directory), cancellation);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"--input {directory}: {error.Message}");
        }
        return tree;
    }

    /// <summary>Adds a message (an Action, a Command) and returns its digest.</summary>
    public Digest Add(IMessage message)
    {
        var bytes = message.ToByteString();
        var digest = BlobHasher.Compute(bytes.Span, _function);
        _blobs[digest] = new UploadBlob(bytes, null);
        return digest;
    }

    private Digest ReadDirectory(DirectoryInfo directory, CancellationToken cancellation)
    {
        var message = new Reapi.Directory();
        string? before = null;
        foreach (var entry in directory.EnumerateFileSystemInfos("*", AllEntries)
            .OrderBy(entry => entry.Name, Utf8Order.Instance))
        {
            cancellation.ThrowIfCancellationRequested();
            if (entry.Name == before || !TrueText.IsName(entry.FullName))
                throw new UsageException($"{entry.FullName}: its name is not UTF-8, and no other can be sent");
            before = entry.Name;
            if (entry.LinkTarget is { } target)
                message.Symlinks.Add(new Reapi.SymlinkNode { Name = entry.Name, Target = Sent(entry, target) });
            else if (entry is DirectoryInfo child)
                message.Directories.Add(new Reapi.DirectoryNode
                {
                    Name = child.Name,
                    Digest = ReadDirectory(child, cancellation).ToWire(),
                });
            else
                message.Files.Add(ReadFile((FileInfo)entry));
        }
        Files += message.Files.Count + message.Symlinks.Count;
        return Add(message);
    }

    private static string Sent(FileSystemInfo link, string target) => TrueText.IsTarget(link.FullName, target)
        ? target
        : throw new UsageException($"{link.FullName}: the symlink's target is not UTF-8, and no other can be sent");

    private Reapi.FileNode ReadFile(FileInfo file)
    {
        if (!FileEntry.IsRegular(file.FullName))
            throw new UsageException($"{file.FullName}: only regular files, directories and symlinks can be inputs");
        var digest = Hash(file.FullName);
        _blobs[digest] = new UploadBlob(null, file.FullName);
        return new Reapi.FileNode
        {
            Name = file.Name,
            Digest = digest.ToWire(),
            IsExecutable = (file.UnixFileMode
                & (UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute)) != 0,
        };
    }

    private Digest Hash(string path)
    {
        using var file = File.OpenHandle(path, options: FileOptions.SequentialScan);
        using var hasher = BlobHasher.Create(_function);
        for (long at = 0; ;)
        {
            var read = RandomAccess.Read(file, _buffer, at);
            if (read == 0)
                return hasher.Finish();
            hasher.Append(_buffer.AsSpan(0, read));
            at += read;
        }
    }

    private static readonly EnumerationOptions AllEntries = new()
    {
        AttributesToSkip = 0,
        RecurseSubdirectories = false,
        IgnoreInaccessible = false,
    };
}
