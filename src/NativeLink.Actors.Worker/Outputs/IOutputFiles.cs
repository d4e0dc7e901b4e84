using System.Runtime.InteropServices;
using NativeLink.Actors.Cas;

namespace NativeLink.Actors.Worker.Outputs;

/// <summary>
/// The files that an action left, by open handles, so that no symlink is followed unless it was asked for: what the
/// scanner of outputs and those who read them need, on this disk (<see cref="NativeFiles"/>) or in memory where there
/// is to be no disk. Handles are what this gave out, and their receivers dispose of them.
/// </summary>
internal interface IOutputFiles
{
    /// <summary>
    /// A directory, as a place to look from; symlinks on the way are followed. Null when there is none.
    /// </summary>
    /// <exception cref="FaultException">Action: a directory on the way is closed. Worker: it cannot be told whether
    /// there is one.</exception>
    SafeHandle? OpenPlace(SafeHandle from, string path);

    /// <summary>The same by an absolute path, itself no symlink.</summary>
    /// <inheritdoc cref="OpenPlace"/>
    SafeHandle? OpenRoot(string path);

    /// <summary>A file or directory to look at, itself no symlink. Null when there is none.</summary>
    /// <inheritdoc cref="OpenPlace"/>
    SafeHandle? OpenPath(SafeHandle from, string name);

    /// <summary>A directory to list, itself no symlink.</summary>
    /// <param name="path">For the message.</param>
    /// <exception cref="FaultException">Action: it is closed. Worker: it cannot be opened otherwise.</exception>
    SafeHandle OpenDirectory(SafeHandle from, string name, string path);

    /// <summary>
    /// What a symlink leads to, as a place or a file to look at; null and the reason when it leads nowhere or may not
    /// be reached. What leads through another process's view (<c>/proc/self/fd</c> and its like) leads nowhere: the
    /// process whose view it would be has ended.
    /// </summary>
    /// <exception cref="FaultException">Worker: it cannot be told, because descriptors or memory are short or the disk
    /// fails.</exception>
    SafeHandle? OpenTarget(SafeHandle from, string name, out string whyNot);

    /// <summary>Whether an open place or file may be read; says why not otherwise.</summary>
    /// <exception cref="FaultException">Worker: it cannot be told, because descriptors or memory are short or the disk
    /// fails.</exception>
    bool MayRead(SafeHandle target, out string whyNot);

    /// <summary>
    /// Whether it lies in the kernel's view of processes, where files have no content of their own (proc(5)).
    /// </summary>
    bool IsInProc(SafeHandle file);

    /// <summary>Where an open file is, as the kernel sees it.</summary>
    string RealPath(SafeHandle file);

    /// <summary>What a name stands for; an empty name is the directory itself.</summary>
    /// <exception cref="FaultException">Action: the directory is closed. Worker: the file system failed.</exception>
    FileStatus Status(SafeHandle from, string name, bool follow);

    /// <summary>The text of a symlink.</summary>
    /// <exception cref="FaultException">Action: not UTF-8. Worker: no symlink.</exception>
    string ReadLink(SafeHandle from, string name);

    /// <summary>The names in a directory, without <c>.</c> and <c>..</c>, in no order.</summary>
    /// <exception cref="FaultException">Action: a name is not UTF-8. Worker: the directory cannot be
    /// listed.</exception>
    List<string> Names(SafeHandle directory);

    /// <summary>A file to read, itself no symlink. Its handle, if it has one, is the caller's.</summary>
    /// <exception cref="FaultException">Action: it may not be read, or its path is too long. Worker: it cannot be
    /// opened otherwise; says why.</exception>
    BlobSource OpenFile(string path);

    /// <summary>Bytes of a file of the worker's own making; 0 when there is none.</summary>
    long LengthOf(string path);
}

internal enum FileKind
{
    Missing,
    Regular,
    Directory,
    Symlink,

    /// <summary>A fifo, socket or device.</summary>
    Special,
}

/// <summary>What statx(2) says of a file.</summary>
/// <param name="Mode">Permission bits, with set-id and sticky bits.</param>
/// <param name="Size">Bytes, holes as well.</param>
/// <param name="IsNull">It is <c>/dev/null</c> (character device 1:3).</param>
/// <param name="Identity">Which file it is, whatever it is called.</param>
internal readonly record struct FileStatus(
    FileKind Kind, uint Mode, uint Links, long Size, long Seconds, uint Nanoseconds, bool IsNull,
    FileIdentity Identity);

/// <summary>Device and inode.</summary>
internal readonly record struct FileIdentity(ulong Device, ulong Inode);
