namespace NativeLink.Actors.Posix.Tests;

/// <summary>A directory of one test's own, gone afterwards.</summary>
internal sealed class TempDirectory : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("nla-posix-").FullName;

    public string At(params string[] parts) => System.IO.Path.Combine([Path, .. parts]);

    public void Dispose() => TreeDeleter.Delete(Path);
}
