using NativeLink.Actors.Storage.Trees;

namespace NativeLink.Actors.Storage.Tests.Trees;

/// <summary>A store, a directory cache and a work directory with which roots are made.</summary>
internal sealed class RootsFixture : IDisposable
{
    private readonly Func<DirectoryCacheSettings, DirectoryCacheSettings> _configure;
    private int _next;

    public RootsFixture(string? materialiser = null, Func<DirectoryCacheSettings, DirectoryCacheSettings>? configure = null)
    {
        _configure = settings => (configure ?? (static same => same))(settings with { ForcedMaterialiser = materialiser });
        Directory.CreateDirectory(Store.Directory.At("work"));
        Tree = new TestTree(Store.Store);
        Roots = Open();
    }

    public static bool OverlayWorks { get; } = Try("overlay");

    public static bool ReflinkWorks { get; } = Try("reflink");

    /// <summary>Those that can be used on this machine.</summary>
    public static IEnumerable<object[]> Materialisers =>
        ((string[])["overlay", "reflink", "copy"]).Where(static name => name switch { "overlay" => OverlayWorks, "reflink" => ReflinkWorks, _ => true }).Select(static name => (object[])[name]);

    public StoreFixture Store { get; } = new();

    public TestTree Tree { get; }

    public List<string> Warnings { get; } = [];

    public InputRoots Roots { get; private set; }

    public string NewDestination() => Store.Directory.At("work", $"root-{Interlocked.Increment(ref _next)}");

    public Task<IInputRoot> MakeAsync(Digest root, CancellationToken cancellation = default) => Roots.MaterialiseAsync(root, NewDestination(), Tree, cancellation);

    public async Task<FaultException> FailAsync(Digest root) => await Assert.ThrowsAsync<FaultException>(() => MakeAsync(root));

    public void Reopen(bool andStore = false)
    {
        Roots.Dispose();
        if (andStore)
        {
            Store.Reopen();
            Tree.Store = Store.Store;
        }
        Roots = Open();
    }

    public InputRoots Open(string scratch = "scratch") => InputRoots.Open(
        _configure(new DirectoryCacheSettings(Store.Directory.At("cache"), Store.Directory.At(scratch)) { OnWarning = Warn, ScratchMemoryBytes = 64 << 20 }),
        Store.Store,
        TimeProvider.System);

    public void Dispose()
    {
        Roots.Dispose();
        Store.Dispose();
    }

    private static bool Try(string materialiser)
    {
        try
        {
            using var fixture = new RootsFixture(materialiser);
            return true;
        }
        catch (FaultException)
        {
            return false;
        }
    }

    private void Warn(string warning)
    {
        lock (Warnings)
            Warnings.Add(warning);
    }
}
