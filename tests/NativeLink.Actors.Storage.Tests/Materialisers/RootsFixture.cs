using System.Collections.Concurrent;
using NativeLink.Actors.Storage.DirectoryCache;
using NativeLink.Actors.Storage.Materialisers;
using NativeLink.Actors.Storage.Tests.Trees;

namespace NativeLink.Actors.Storage.Tests.Materialisers;

/// <summary>A store, a directory cache and a work directory with which roots are made.</summary>
internal sealed class RootsFixture : IDisposable
{
    private static readonly ConcurrentDictionary<string, string?> Reasons = new();

    private readonly Func<DirectoryCacheSettings, DirectoryCacheSettings> _configure;
    private int _next;

    public RootsFixture(
        string? materialiser = null, Func<DirectoryCacheSettings, DirectoryCacheSettings>? configure = null)
    {
        _configure = settings => (configure ?? (static same => same))(
            settings with { ForcedMaterialiser = materialiser });
        Store = new StoreFixture(below: DiskFor(materialiser));
        Directory.CreateDirectory(Store.Directory.At("work"));
        Tree = new TestTree(Store.Store);
        try
        {
            Roots = Open();
        }
        catch
        {
            Store.Dispose();
            throw;
        }
    }

    public static bool OverlayWorks => WhyNot("overlay") is null;

    public static TheoryData<string> Materialisers => ["overlay", "reflink", "copy"];

    /// <summary>Skips the test where this machine or this user has not what the materialiser needs.</summary>
    public static void Needs(string materialiser) =>
        Skip.If(WhyNot(materialiser) is not null, $"no {materialiser} here: {WhyNot(materialiser)}");

    public StoreFixture Store { get; }

    /// <summary>A directory on a disk that has what the materialiser needs; null for the usual one.</summary>
    public static string? DiskFor(string? materialiser) => materialiser == "reflink" ? ReflinkDisk.Directory : null;

    public TestTree Tree { get; }

    public List<string> Warnings { get; } = [];

    public InputRoots Roots { get; private set; }

    public string NewDestination() => Store.Directory.At("work", $"root-{Interlocked.Increment(ref _next)}");

    public Task<IInputRoot> MakeAsync(Digest root, CancellationToken cancellation = default) =>
        Roots.MaterialiseAsync(root, NewDestination(), Tree, cancellation);

    public async Task<FaultException> FailAsync(Digest root) =>
        await Assert.ThrowsAsync<FaultException>(() => MakeAsync(root));

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
        _configure(new DirectoryCacheSettings(Store.Directory.At("cache"), Store.Directory.At(scratch))
        {
            OnWarning = Warn,
            ScratchMemoryBytes = 64 << 20,
        }),
        Store.Store,
        TimeProvider.System);

    public void Dispose()
    {
        Roots.Dispose();
        Store.Dispose();
    }

    private static string? WhyNot(string materialiser) => Reasons.GetOrAdd(materialiser, static materialiser =>
    {
        try
        {
            using var fixture = new RootsFixture(materialiser);
            return null;
        }
        catch (FaultException error)
        {
            return error.Fault.Detail;
        }
    });

    private void Warn(string warning)
    {
        lock (Warnings)
            Warnings.Add(warning);
    }
}
