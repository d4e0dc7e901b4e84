
namespace NativeLink.Actors.Storage.Tests;

/// <summary>A directory of one test's own, gone afterwards with everything mounted in it.</summary>
internal sealed class TempDirectory : IDisposable
{
    public TempDirectory(string? below = null) => Path = below is null
        ? Directory.CreateTempSubdirectory("nla-storage-").FullName
        : Directory.CreateDirectory(System.IO.Path.Combine(below, Guid.NewGuid().ToString("N"))).FullName;

    public string Path { get; }

    public string At(params string[] parts) => System.IO.Path.Combine([Path, .. parts]);

    public void Dispose()
    {
        OwnMounts.UnmountBelow(Path);
        TreeDeleter.Delete(Path);
    }
}
