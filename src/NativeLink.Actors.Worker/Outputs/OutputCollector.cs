using Grpc.Core;
using NativeLink.Actors.Cas;
using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Worker.Stores;
using NativeLink.Actors.Worker.Threads;

namespace NativeLink.Actors.Worker.Outputs;

/// <summary>
/// Finds, hashes and uploads the outputs of one action, and
/// tells them as an ActionResult (protos/README.md 4.6).
/// </summary>
/// <param name="send">Brings blobs to the CAS, each digest once; durable when it completes.</param>
internal sealed class OutputCollector(
    UploadTargets targets, Func<IReadOnlyCollection<OutputBlob>, CancellationToken, Task> send,
    DispatcherScheduler disk,
    Action<string> note)
{
    /// <summary>The message that carries the result may hold 4 MiB; the rest of it needs room too.</summary>
    private const int LargestResult = 3_500_000;

    private readonly ICasClient _cas = targets.Cas;
    private readonly ILocalStore? _fill = targets.LocalStore;
    private readonly IOutputFiles _files = targets.Files;

    public async Task<Reapi.ActionResult> CollectAsync(UploadPlan plan, CancellationToken cancellation)
    {
        var outputs = OutputScanner.Scan(_files, plan);
        outputs.LeftOut.ForEach(note);
        var most = _cas.MaxBlobBytes;
        if (outputs.AllFiles.Find(file => file.Size > most) is { } huge)
            throw TooLarge(huge, plan, most);
        var (stdout, stderr) = (Spool(plan.StdoutPath), Spool(plan.StderrPath));
        await FileHashing.HashAllAsync(
            _files, [.. outputs.AllFiles, .. Existing(stdout),
                .. Existing(stderr)], plan.DigestFunction, disk, cancellation);
        var blobs = new List<OutputBlob>();
        var result = new Reapi.ActionResult
        {
            StdoutDigest = DigestOf(stdout, plan).ToWire(),
            StderrDigest = DigestOf(stderr, plan).ToWire(),
        };
        AddFiles(result, outputs, plan);
        AddLinks(result, outputs);
        AddDirectories(result, outputs, plan, blobs);
        if (result.CalculateSize() is > LargestResult and var size)
            throw TooLarge(outputs, size);
        blobs.AddRange(outputs.AllFiles.Append(stdout).Append(stderr).Where(file => file.Location.Length > 0)
            .Select(file => new OutputBlob(file.Digest, default, file)));
        // Where the local store is the CAS, taking a file into it is the upload.
        var fills = _fill is not null && _cas is not StoreCasClient;
        var copying = fills && outputs.AllFiles.Exists(static file => file.MoveFrom is null)
            ? CopyIntoStoreAsync(outputs.AllFiles, cancellation)
            : Task.CompletedTask;
        try
        {
            IReadOnlyCollection<OutputBlob> unique = [.. blobs.Where(static blob => !blob.Digest.IsEmpty)
                .DistinctBy(static blob => blob.Digest)];
            if (_cas is StoreCasClient)
                TakeAll(unique, cancellation);
            else
                await send(unique, cancellation);
        }
        finally
        {
            await copying;
        }
        if (fills)
            Keep(outputs.AllFiles.Where(static file => file.MoveFrom is not null), cancellation);
        return result;
    }

    /// <summary>An empty log needs neither hashing nor upload. Nobody else has another: it may be moved.</summary>
    private ScannedFile Spool(string path) => new(_files.LengthOf(path) > 0 ? path : "", false, null, path);

    private static IEnumerable<ScannedFile> Existing(ScannedFile file) => file.Location.Length > 0 ? [file] : [];

    private static Digest DigestOf(ScannedFile file, UploadPlan plan) =>
        file.Location.Length > 0 ? file.Digest : Digest.Empty(plan.DigestFunction);

    private static FaultException TooLarge(ScannedOutputs outputs, int size) => new(new Fault(
        FaultKind.Action,
        $"the action has {outputs.Files.Count} output files, " +
        $"{outputs.Directories.Count} directories and {outputs.Links.Count} symlinks: " +
        $"its result would take {size} bytes, "
        + $"and no more than {LargestResult} fit into the message to the scheduler; " +
        "declare a directory instead of its files")
    {
        Code = StatusCode.InvalidArgument,
    });

    /// <summary>It would be the same at every attempt; hashing it first would take hours where it is a hole.</summary>
    private static FaultException TooLarge(ScannedFile file, UploadPlan plan, long most) => new(new Fault(
        FaultKind.Action,
        $"output '{Path.GetRelativePath(plan.Root, file.Location)}' is a file of {file.Size} bytes, " +
        $"and the CAS takes none above {most}")
    {
        Code = StatusCode.InvalidArgument,
    });

    private static void AddFiles(Reapi.ActionResult result, ScannedOutputs outputs, UploadPlan plan)
    {
        foreach (var (path, file) in outputs.Files.OrderBy(entry => entry.Path, Utf8Order.Instance))
        {
            result.OutputFiles.Add(new Reapi.OutputFile
            {
                Path = path,
                Digest = DigestOf(file, plan).ToWire(),
                IsExecutable = file.Executable,
                NodeProperties = file.Properties,
            });
        }
    }

    private static void AddLinks(Reapi.ActionResult result, ScannedOutputs outputs)
    {
        foreach (var (path, link) in outputs.Links.OrderBy(entry => entry.Path, Utf8Order.Instance))
        {
            var symlink = new Reapi.OutputSymlink
            {
                Path = path,
                Target = link.Target,
                NodeProperties = link.Properties,
            };
#pragma warning disable CS0612 // Deprecated in REAPI, and the only lists that NativeLink's scheduler reads.
            (link.ToDirectory ? result.OutputDirectorySymlinks : result.OutputFileSymlinks).Add(symlink);
#pragma warning restore CS0612
            result.OutputSymlinks.Add(symlink);
        }
    }

    private static void AddDirectories(
        Reapi.ActionResult result, ScannedOutputs outputs, UploadPlan plan, List<OutputBlob> blobs)
    {
        // NativeLink's scheduler cannot do without the Tree, so it is there in every format.
        var single = plan.Command.OutputDirectoryFormat != Reapi.Command.Types.OutputDirectoryFormat.TreeOnly;
        var trees = new Dictionary<ScannedDirectory, TreeBuilder.Result>();
        foreach (var (path, directory) in outputs.Directories.OrderBy(entry => entry.Path, Utf8Order.Instance))
        {
            // One directory may be declared under many spellings.
            var isNew = !trees.TryGetValue(directory, out var tree);
            tree ??= trees[directory] = TreeBuilder.Build(directory, plan.DigestFunction);
            result.OutputDirectories.Add(new Reapi.OutputDirectory
            {
                Path = path,
                TreeDigest = tree.Digest.ToWire(),
                IsTopologicallySorted = true,
                RootDirectoryDigest = single ? tree.Root.ToWire() : null,
            });
            if (!isNew)
                continue;
            blobs.Add(new OutputBlob(tree.Digest, tree.Bytes.Memory, null));
            if (single)
                blobs.AddRange(
                    tree.Directories.Select(entry => new OutputBlob(entry.Digest, entry.Bytes.Memory, null)));
        }
    }

    /// <summary>
    /// Where the store of this machine is the CAS, it is looked into each time: that costs nothing,
    /// counts as a use, and it may have evicted a blob.
    /// </summary>
    private void TakeAll(IEnumerable<OutputBlob> blobs, CancellationToken cancellation)
    {
        foreach (var blob in blobs.Where(blob => !_fill!.Contains(blob.Digest)))
        {
            cancellation.ThrowIfCancellationRequested();
            if (!TryTake(blob.File))
                _fill!.Put(blob.Digest, blob.Data.Span);
        }
    }

    /// <summary>
    /// What cannot be moved is copied while it is sent;
    /// a file that was moved could not be sent any more.
    /// </summary>
    private Task CopyIntoStoreAsync(IEnumerable<ScannedFile> files, CancellationToken cancellation) =>
        disk.RunAsync(() => Keep(files.Where(static file => file.MoveFrom is null), cancellation));

    /// <summary>
    /// The next action finds here what this one made.
    /// The CAS has it all: a failure costs speed only.
    /// </summary>
    private void Keep(IEnumerable<ScannedFile> files, CancellationToken cancellation)
    {
        foreach (var file in files.TakeWhile(_ => !cancellation.IsCancellationRequested)
            .Where(file => !file.Digest.IsEmpty))
        {
            try
            {
                if (!_fill!.Contains(file.Digest))
                    TryTake(file);
            }
            catch (Exception error)
            {
                note($"output '{file.Location}' could not be kept in the local store: {error.Message}");
            }
        }
    }

    private bool TryTake(ScannedFile? file)
    {
        if (file is null)
            return false;
        if (file.MoveFrom is { } path)
        {
            _fill!.Adopt(path, file.Digest);
            return true;
        }
        var source = _files.OpenFile(file.Location);
        using var handle = source.File;
        if (handle is null)
            _fill!.Put(file.Digest, source.Data.Span);
        else
            _fill!.CopyFrom(handle, file.Digest);
        return true;
    }
}
