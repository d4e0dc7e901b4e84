using NativeLink.Actors.Storage.Filesystem;

namespace NativeLink.Actors.Storage.Tests;

/// <summary>A content store in a directory of its own, which can be closed and opened again.</summary>
internal sealed class StoreFixture : IDisposable
{
    private readonly Func<ContentStoreOptions, ContentStoreOptions> _configure;

    public StoreFixture(
        Func<ContentStoreOptions, ContentStoreOptions>? configure = null, TimeProvider? time = null,
        string? below = null)
    {
        Directory = new TempDirectory(below);
        _configure = configure ?? (static options => options);
        Time = time ?? TimeProvider.System;
        Store = OpenAnother();
    }

    public TempDirectory Directory { get; }

    public TimeProvider Time { get; }

    public List<string> Warnings { get; } = [];

    /// <summary>Hears each warning too.</summary>
    public Action<string>? OnWarning { get; set; }

    public ContentStore Store { get; private set; }

    public string BlobPath(Digest digest) => Directory.At("content", "d", $"{digest.Hash}-{digest.SizeBytes}");

    public string ExecutableCopyPath(Digest digest) =>
        Directory.At("content.exec", "d", $"{digest.Hash}-{digest.SizeBytes}");

    public string[] TempFiles => System.IO.Directory.GetFiles(Directory.At("temp"), "*", SearchOption.AllDirectories)
        .Where(static path => !path.Contains(".users", StringComparison.Ordinal)).ToArray();

    public ContentStore OpenAnother() => ContentStore.Open(
        _configure(new ContentStoreOptions(Directory.At("content"), Directory.At("temp")) { OnWarning = Warn }), Time);

    public void Reopen()
    {
        Store.Dispose();
        Store = OpenAnother();
    }

    /// <summary>The store's next opening takes place after a restart of the machine.</summary>
    public void PretendRestart() => File.WriteAllText(Directory.At("content", ".boot"), "another boot");

    /// <summary>Gives a file zeros of the same length.</summary>
    public void Corrupt(string path) =>
        Shell.Run(
            $"chmod u+w {path}; head -c $(stat -c %s {path}) /dev/zero > {path}.zeros; cat {path}.zeros > {path}; " +
            $"rm {path}.zeros; chmod u-w {path}", "/");

    public void Dispose()
    {
        Store.Dispose();
        Directory.Dispose();
    }

    private void Warn(string warning)
    {
        lock (Warnings)
            Warnings.Add(warning);
        OnWarning?.Invoke(warning);
    }
}
