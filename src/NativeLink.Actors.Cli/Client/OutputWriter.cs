using Google.Protobuf;
using NativeLink.Actors.Posix;
using NativeLink.Actors.Protocol;
using NativeLink.Actors.Protocol.Hashing;

namespace NativeLink.Actors.Cli.Client;

/// <summary>
/// Writes the outputs of an action below one directory. What the server sends is not trusted: no
/// path and no link leads out of it.
/// </summary>
internal sealed class OutputWriter(ReapiClient client, string root)
{
    private const UnixFileMode Plain = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead
        | UnixFileMode.OtherRead;
    private const UnixFileMode Executable = Plain | UnixFileMode.UserExecute | UnixFileMode.GroupExecute
        | UnixFileMode.OtherExecute;

    // A Tree of some kilobytes can stand for more directories than any disk holds.
    private const int MostDirectories = 2_000_000;

    private readonly string _root = Path.GetFullPath(root);
    private int _directories;

    /// <summary>Files written so far, symlinks included.</summary>
    public int Files { get; private set; }

    /// <summary>Bytes written so far.</summary>
    public long Bytes { get; private set; }

    /// <param name="result">Its paths are relative to
    /// <paramref name="workingDirectory"/>, as the Command's were.</param>
    /// <exception cref="FaultException">Action: a path leads out of the directory, or cannot be.
    /// Storage: a blob is not what its digest says, or the disk fails.</exception>
    public async Task WriteAsync(Reapi.ActionResult result, string workingDirectory, CancellationToken cancellation)
    {
        try
        {
            await WriteAllAsync(result, workingDirectory, cancellation);
        }
        catch (Exception error) when (error is FormatException or ArgumentException)
        {
            throw new FaultException(FaultKind.Action, $"the result is malformed: {error.Message}", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new FaultException(FaultKind.Storage, $"the outputs cannot be written to {_root}: {error.Message}",
                error);
        }
    }

    private async Task WriteAllAsync(Reapi.ActionResult result, string workingDirectory, CancellationToken cancellation)
    {
        foreach (var file in result.OutputFiles)
            await WriteFileAsync(Prepare(Path.Combine(workingDirectory, file.Path)), file.Contents, file.Digest,
                file.IsExecutable, cancellation);
        foreach (var directory in result.OutputDirectories)
        {
            var digest = Digest.FromWire(directory.TreeDigest, client.DigestFunction,
                $"the output directory '{directory.Path}'");
            var tree = await client.DownloadMessageAsync(digest, Reapi.Tree.Parser, cancellation);
            var children = tree.Children.GroupBy(Hash).ToDictionary(group => group.Key, group => group.First());
            await WriteDirectoryAsync(Path.Combine(workingDirectory, directory.Path), tree.Root ?? new(), children,
                cancellation);
        }
        var links = result.OutputSymlinks.Concat(result.OutputFileSymlinks).Concat(result.OutputDirectorySymlinks)
            .DistinctBy(link => link.Path);
        foreach (var link in links)
            await WriteLinkAsync(Path.Combine(workingDirectory, link.Path), link.Target);
    }

    private async Task WriteDirectoryAsync(
        string path, Reapi.Directory directory, Dictionary<Digest, Reapi.Directory> children,
        CancellationToken cancellation)
    {
        if (++_directories > MostDirectories)
            throw new FaultException(
                FaultKind.Action, $"the output directories hold more than {MostDirectories} directories");
        var made = Prepare(path);
        Refuse(made, File.Exists(made), "file", "a directory");
        Directory.CreateDirectory(made);
        foreach (var file in directory.Files)
            await WriteFileAsync(Prepare(Path.Combine(path, CheckName(file.Name))), ByteString.Empty, file.Digest,
                file.IsExecutable, cancellation);
        foreach (var child in directory.Directories)
        {
            var digest = Digest.FromWire(child.Digest, client.DigestFunction, $"the directory '{path}/{child.Name}'");
            if (!children.TryGetValue(digest, out var message))
                throw new FaultException(
                    FaultKind.Storage, $"the Tree of an output directory lacks '{path}/{child.Name}', {digest}");
            await WriteDirectoryAsync(Path.Combine(path, CheckName(child.Name)), message, children, cancellation);
        }
        foreach (var link in directory.Symlinks)
            await WriteLinkAsync(Path.Combine(path, CheckName(link.Name)), link.Target);
    }

    private async Task WriteFileAsync(
        string target, ByteString contents, Reapi.Digest? wire, bool executable, CancellationToken cancellation)
    {
        var digest = Digest.FromWire(wire, client.DigestFunction, $"the output '{target}'");
        Refuse(target, IsDirectory(target), "directory", "a file");
        await PlaceAsync(target, async made =>
        {
            await using var file = new FileStream(made, new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                BufferSize = 0,
                UnixCreateMode = executable ? Executable : Plain,
            });
            if (contents.Length > 0 && contents.Length == digest.SizeBytes)
                await file.WriteAsync(contents.Memory, cancellation);
            else
                await client.DownloadAsync(digest, file, cancellation);
        });
        Files++;
        Bytes += digest.SizeBytes;
    }

    private async Task WriteLinkAsync(string path, string target)
    {
        var link = Prepare(path);
        Refuse(link, IsDirectory(link), "directory", "a symlink");
        await PlaceAsync(link, made =>
        {
            File.CreateSymbolicLink(made, target);
            return Task.CompletedTask;
        });
        Files++;
    }

    // A symlink is replaced, wherever it leads.
    private static bool IsDirectory(string path) => new DirectoryInfo(path) is { Exists: true, LinkTarget: null };

    private static void Refuse(string path, bool stands, string here, string there)
    {
        if (stands)
            throw new FaultException(FaultKind.Action,
                $"{path} is a {here} here and {there} in the result; remove it or choose another --into");
    }

    /// <summary>
    /// Makes an output under a name of its own, and gives it its own when it is whole: another client may write the
    /// same one, and what stood there before stays if this one fails.
    /// </summary>
    private static async Task PlaceAsync(string target, Func<string, Task> make)
    {
        var made = Path.Combine(Path.GetDirectoryName(target)!, $".nativelink-actors-{Guid.NewGuid():N}");
        try
        {
            await make(made);
            // Not File.Move, which asks where a link leads and refuses one that leads to a directory.
            if (Libc.RenameAt(Libc.AtFdCwd, made, Libc.AtFdCwd, target) != 0)
                throw new IOException($"{target}: {Errno.Text(Errno.Last)}");
        }
        catch
        {
            File.Delete(made);
            throw;
        }
    }

    /// <summary>The full path, its parents made; refused when it is outside or when a parent is a symlink.</summary>
    private string Prepare(string relative)
    {
        var full = Path.GetFullPath(Path.Combine(_root, relative));
        if (Path.IsPathRooted(relative) || !(full + "/").StartsWith(_root.TrimEnd('/') + "/", StringComparison.Ordinal))
            throw new FaultException(FaultKind.Action,
                $"the result names the output '{relative}', which is outside of {_root}; nothing is written there");
        Directory.CreateDirectory(_root);
        if (full == _root)
            return full;
        for (var end = _root.TrimEnd('/').Length + 1; (end = full.IndexOf('/', end)) > 0; end++)
        {
            var parent = new DirectoryInfo(full[..end]);
            if (parent.LinkTarget is not null)
                throw new FaultException(
                    FaultKind.Action,
                    $"the output '{relative}' would be written through the symlink {parent.FullName}; " +
                    "remove it or choose another --into");
            parent.Create();
        }
        return full;
    }

    private static string CheckName(string name) =>
        name is "" or "." or ".." || name.Contains('/', StringComparison.Ordinal)
            || name.Contains('\0', StringComparison.Ordinal)
            ? throw new FaultException(
                FaultKind.Action, $"an output directory holds an entry named '{name}'; nothing is written for it")
            : name;

    private Digest Hash(Reapi.Directory directory) =>
        BlobHasher.Compute(directory.ToByteArray(), client.DigestFunction);
}
