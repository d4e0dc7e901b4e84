using System.Globalization;
using Grpc.Core;
using Microsoft.Win32.SafeHandles;
using NativeLink.Actors.Storage.Filesystem.Layout;
using NativeLink.Actors.Storage.Hashing;

namespace NativeLink.Actors.Storage.Filesystem;

/// <summary>
/// Blobs as files elsewhere: links, executable copies, copies, and files coming in. The ladder:
/// EMLINK makes a second inode for the blob, EXDEV and EPERM copy, ENOENT says that the blob is
/// gone, ENOSPC frees space on the full disk a few times and then fails.
/// </summary>
internal sealed class BlobLinks(ContentStore store, StorePaths paths, TempFiles temps)
{
    private readonly Lock[] _executableCopyLocks = [.. Enumerable.Range(0, 16).Select(static _ => new Lock())];

    /// <summary>Links a blob to a name relative to an open directory. False when the blob is not here.</summary>
    public bool TryLinkAt(in Digest digest, bool executable, int directory, string name)
    {
        if (digest.IsEmpty)
            return MakeEmpty(directory, name, InputModes.Of(executable));
        // A hash of size 0 that is not the empty one is no blob's, whatever file has its name.
        if (digest.SizeBytes == 0 || (executable && !EnsureExecutableCopy(digest)))
            return false;
        for (var attempt = 0; ; attempt++)
        {
            if (Link(digest, executable, directory, name) == 0)
                return true;
            var errno = Errno.Last;
            switch (errno)
            {
                case Errno.EXDEV or Errno.EPERM:
                    return TryCopyAt(digest, directory, name, InputModes.Of(executable), out _);
                case Errno.EMLINK when attempt == 0:
                    if (!Renew(digest, executable))
                        return false;
                    continue;
                case Errno.ENOENT when attempt == 0 && executable && Exists(digest):
                    if (!MakeExecutableCopy(digest))
                        return false;
                    continue;
                case Errno.ENOENT when attempt == 0 && store.HasWaitedForOthers():
                    continue;
                case Errno.ENOENT when !Exists(digest):
                    store.Forget(digest);
                    return false;
                case var full when store.Space.TryFreeAfter(full, attempt, 0):
                    continue;
                default:
                    throw DiskFault.Of($"blob {digest} cannot be linked to {name}", errno);
            }
        }
    }

    /// <summary>Copies a blob to a new name relative to an open directory. False when the blob is not here.</summary>
    public bool TryCopyAt(in Digest digest, int directory, string name, uint mode, out bool reflinked)
    {
        reflinked = false;
        if (digest.IsEmpty)
            return MakeEmpty(directory, name, mode);
        var from = store.OpenBlob(digest);
        if (from < 0)
            return false;
        using var source = new SafeFileHandle(from, ownsHandle: true);
        for (var attempt = 0; ; attempt++)
        {
            var errno = CopyOnce(from, directory, name, mode, ref reflinked);
            if (errno == 0)
                return true;
            _ = Libc.UnlinkAt(directory, name, 0);
            if (!store.Space.TryFreeAfter(errno, attempt, digest.SizeBytes, DirectoryOf(directory, name)))
                throw DiskFault.Of($"blob {digest} cannot be copied to {name}", errno);
        }
    }

    /// <inheritdoc cref="ContentStore.Adopt"/>
    public void Adopt(string path, in Digest digest)
    {
        if (Libc.StatxAt(Libc.AtFdCwd, path, Libc.AtSymlinkNoFollow, StatxBuffer.Basic, out var status) != 0)
            throw DiskFault.Last($"file {path} cannot be taken into the store");
        if (!status.IsRegular || status.Size != (ulong)digest.SizeBytes)
            throw Changed($"file {path} has {status.Size} bytes", digest);
        if (!digest.IsEmpty && !store.Contains(digest) && !(status.LinkCount == 1 && TryMove(path, digest)))
            CopyIn(path, digest);
        _ = Libc.UnlinkAt(Libc.AtFdCwd, path, 0);
    }

    /// <summary>
    /// Takes the file itself. It leaves the directory first, where others may know its name, so
    /// that nobody opens it by that after it was found to be without writers; who has it open for
    /// writing, or in a mapping, keeps it, and the blob gets a file of its own.
    /// </summary>
    private bool TryMove(string path, in Digest digest)
    {
        store.RequireFits(digest);
        var temp = temps.NewPath();
        if (Libc.RenameAt(Libc.AtFdCwd, path, Libc.AtFdCwd, temp) != 0)
            return false;
        try
        {
            using (var file = SealedFile.TryOpen(temp))
            {
                if (file?.TryMakeReadOnly(InputModes.Plain) != true)
                {
                    CopyIn(temp, digest);
                    _ = Libc.UnlinkAt(Libc.AtFdCwd, temp, 0);
                    return true;
                }
                RequireContent(file.Handle, digest, path);
                _ = InputTime.Set((int)file.Handle.DangerousGetHandle());
            }
            store.Place(temp, digest, lease: false);
            return true;
        }
        catch
        {
            _ = Libc.UnlinkAt(Libc.AtFdCwd, temp, 0);
            throw;
        }
    }

    private static void RequireContent(SafeFileHandle file, in Digest digest, string path)
    {
        var actual = FileHasher.Hash(file, digest.Function);
        if (actual != digest)
            throw Changed($"file {path} hashes to {actual} now", digest);
    }

    private void CopyIn(string path, in Digest digest)
    {
        var from = Libc.Open(path, OpenFlags.ReadOnly | OpenFlags.CloseOnExec | OpenFlags.NoFollow, 0);
        if (from < 0)
            throw DiskFault.Last($"file {path} cannot be taken into the store");
        using var source = new SafeFileHandle(from, ownsHandle: true);
        CopyFrom(source, digest);
    }

    /// <inheritdoc cref="ContentStore.CopyFrom"/>
    public void CopyFrom(SafeFileHandle file, in Digest digest)
    {
        if (digest.IsEmpty || store.Contains(digest))
            return;
        store.RequireFits(digest);
        var temp = temps.NewPath();
        try
        {
            CopyToTemp((int)file.DangerousGetHandle(), temp, InputModes.Plain, digest);
            // Only of its own file the store knows what it will go on to hold.
            using (var copy = File.OpenHandle(temp, FileMode.Open, FileAccess.Read,
                FileShare.ReadWrite | FileShare.Delete))
                RequireContent(copy, digest, "that was copied");
            store.Place(temp, digest, lease: false);
        }
        catch
        {
            _ = Libc.UnlinkAt(Libc.AtFdCwd, temp, 0);
            throw;
        }
    }

    private static FaultException Changed(string what, in Digest digest) =>
        new(new Fault(FaultKind.Storage, $"{what}, which is not blob {digest}: something still writes to it")
        {
            Code = StatusCode.DataLoss,
        });

    private int Link(in Digest digest, bool executable, int directory, string name) => executable
        ? Libc.LinkAt(Libc.AtFdCwd, paths.ExecutableCopyPath(digest), directory, name, 0)
        : Libc.LinkAt(paths.BlobDescriptor, StorePaths.NameOf(digest), directory, name, 0);

    private bool Exists(in Digest digest) => File.Exists(paths.BlobPath(digest));

    /// <summary>Whether a file is the blob's own inode or its executable copy's, which the store vouches for.</summary>
    public bool IsStoreFile(in Digest digest, in StatxBuffer file)
    {
        store.EnsureVerified(digest);
        return IsInode(PathOf(digest), file) || IsInode(ExecutableCopyPathOf(digest), file);
    }

    private static bool IsInode(string path, in StatxBuffer file) =>
        Libc.StatxAt(Libc.AtFdCwd, path, Libc.AtSymlinkNoFollow, StatxBuffer.Basic, out var own) == 0
            && own.Inode == file.Inode && own.Device == file.Device;

    public string PathOf(in Digest digest) => paths.BlobPath(digest);

    public string ExecutableCopyPathOf(in Digest digest) => paths.ExecutableCopyPath(digest);

    /// <summary>Makes the executable copy if there is none yet. False when the blob is not here.</summary>
    public bool EnsureExecutableCopy(in Digest digest)
    {
        if (store.HasExecutableCopy(digest))
            return true;
        lock (_executableCopyLocks[digest.GetHashCode() & 15])
            return store.HasExecutableCopy(digest) || MakeExecutableCopy(digest);
    }

    private bool MakeExecutableCopy(in Digest digest)
    {
        var from = store.OpenBlob(digest);
        if (from < 0)
            return false;
        using var source = new SafeFileHandle(from, ownsHandle: true);
        var temp = temps.NewPath();
        try
        {
            CopyToTemp(from, temp, InputModes.Executable, digest);
            Directory.CreateDirectory(paths.ExecutableCopyDirectory);
            PlaceExecutableCopy(temp, digest);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw ExecutableCopyFault(error.Message);
        }
        finally
        {
            _ = Libc.UnlinkAt(Libc.AtFdCwd, temp, 0);
        }
        return store.AccountExecutableCopy(digest);
    }

    private void PlaceExecutableCopy(string temp, in Digest digest)
    {
        for (var attempt = 0; Libc.RenameAt(Libc.AtFdCwd, temp, Libc.AtFdCwd, paths.ExecutableCopyPath(digest)) != 0;
            attempt++)
        {
            var errno = Errno.Last;
            if (Errno.IsFull(errno) && !store.Space.TryFreeAfter(errno, attempt, 0))
                throw DiskFault.Of($"the executable file of blob {digest} cannot be made", errno);
            if (!Errno.IsFull(errno))
                throw ExecutableCopyFault(Errno.Text(errno));
        }
    }

    private FaultException ExecutableCopyFault(string why) => new(new Fault(
        FaultKind.Storage,
        $"executable inputs need files of their own in {paths.ExecutableCopyDirectory}, which cannot be written: {why}")
    {
        Code = StatusCode.FailedPrecondition,
    });

    /// <summary>
    /// Gives the blob (or its executable copy) a new inode; the old one lives on in the trees that
    /// link to it (link(2): EMLINK).
    /// </summary>
    private bool Renew(in Digest digest, bool executable)
    {
        if (executable)
            return MakeExecutableCopy(digest);
        var from = store.OpenBlob(digest);
        if (from < 0)
            return false;
        using var source = new SafeFileHandle(from, ownsHandle: true);
        var temp = temps.NewPath();
        try
        {
            CopyToTemp(from, temp, InputModes.Plain, digest);
            store.Place(temp, digest, lease: false);
            return true;
        }
        finally
        {
            _ = Libc.UnlinkAt(Libc.AtFdCwd, temp, 0);
        }
    }

    private void CopyToTemp(int from, string temp, uint mode, in Digest digest)
    {
        using var file = store.CreateTemp(temp, digest.SizeBytes);
        var target = file.Descriptor;
        var errno = FileCopy.Copy(from, target);
        for (var attempt = 0; errno != 0 && store.Space.TryFreeAfter(errno, attempt, digest.SizeBytes); attempt++)
            errno = FileCopy.Copy(from, target);
        if (errno != 0 || Libc.ChangeMode(target, mode) != 0)
            throw DiskFault.Of($"blob {digest} cannot be copied", errno != 0 ? errno : Errno.Last);
        file.Finish();
    }

    private static bool MakeEmpty(int directory, string name, uint mode)
    {
        var descriptor = Libc.OpenAt(directory, name,
            OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Exclusive | OpenFlags.CloseOnExec, mode);
        if (descriptor < 0)
            throw DiskFault.Last($"empty file {name} cannot be made");
        if (Umask.Cuts(mode))
            _ = Libc.ChangeMode(descriptor, mode);
        _ = InputTime.Set(descriptor);
        _ = Libc.Close(descriptor);
        return true;
    }

    private static string? DirectoryOf(int directory, string name) =>
        directory == Libc.AtFdCwd
            ? Path.GetDirectoryName(name)
            : string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{directory}");

    private static int CopyOnce(int from, int directory, string name, uint mode, ref bool reflinked)
    {
        var to = Libc.OpenAt(directory, name,
            OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Exclusive | OpenFlags.CloseOnExec, mode);
        if (to < 0)
            return Errno.Last;
        reflinked = FileCopy.TryReflink(from, to);
        var errno = reflinked ? 0 : FileCopy.Copy(from, to, tryReflink: false);
        if (errno == 0 && Umask.Cuts(mode) && Libc.ChangeMode(to, mode) != 0)
            errno = Errno.Last;
        if (errno == 0)
            _ = InputTime.Set(to);
        _ = Libc.Close(to);
        return errno;
    }
}
