using System.Globalization;
using System.Security.Cryptography;
using NativeLink.Actors.Storage.Native;

namespace NativeLink.Actors.Storage.Filesystem;

/// <summary>
/// Says which processes use a directory: each holds the lock of a file of its own there, which the kernel drops when it ends. What belongs to a
/// name whose lock is free is left over from a process that is gone.
/// </summary>
internal sealed class ProcessPresence : IDisposable
{
    private const string Suffix = ".lock";

    private readonly string _directory;
    private readonly DirectoryLock _own;

    private ProcessPresence(string directory, string name, DirectoryLock own) => (_directory, Name, _own) = (directory, name, own);

    /// <summary>This process's name here; no other process ever has the same.</summary>
    public string Name { get; }

    /// <summary>Registers this process, and hands the names of those that are gone to <paramref name="clean"/> while nobody else can register.</summary>
    /// <exception cref="FaultException">The directory cannot be used.</exception>
    public static ProcessPresence Register(string directory, Action<string> clean)
    {
        Directory.CreateDirectory(directory);
        using var gate = DirectoryLock.Wait(Path.Combine(directory, ".gate"));
        foreach (var file in Directory.EnumerateFiles(directory, "*" + Suffix))
        {
            using var stale = DirectoryLock.TryTake(file);
            if (stale is null)
                continue;
            clean(Path.GetFileNameWithoutExtension(file));
            File.Delete(file);
        }
        var name = string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessId}-{RandomNumberGenerator.GetHexString(12, lowercase: true)}");
        var path = Path.Combine(directory, name + Suffix);
        return new ProcessPresence(directory, name, DirectoryLock.TryTake(path) ?? throw new FaultException(FaultKind.Storage, $"lock {path} is taken"));
    }

    /// <summary>Whether others have registered here; may count one that has just died.</summary>
    public bool HasOthers => Directory.EnumerateFiles(_directory, "*" + Suffix).Take(2).Count() > 1;

    public void Dispose()
    {
        _ = Libc.UnlinkAt(Libc.AtFdCwd, Path.Combine(_directory, Name + Suffix), 0);
        _own.Dispose();
    }
}
