using NativeLink.Actors.Storage.DirectoryCache;
using NativeLink.Actors.Storage.Filesystem;

namespace NativeLink.Actors.Storage.Materialisers;

/// <summary>
/// Chooses a materialiser by doing the real calls in the real
/// directories, and says why the faster ones were not taken.
/// </summary>
internal static class MaterialiserChoice
{
    private static readonly string[] Known = ["overlay", "reflink", "hardlink", "copy"];

    public static (string Name, string Why, OverlaySupport? Overlays) Make(
        DirectoryCacheSettings settings, ContentStore store, TreeCache cache, UpperDirectories uppers)
    {
        var forced = settings.ForcedMaterialiser;
        if (forced is not null && !Known.Contains(forced))
            throw new FaultException(
                FaultKind.Worker, $"materialiser '{forced}' does not exist; it is one of {string.Join(", ", Known)}");
        var whyNotOverlay = "not tried";
        if (forced is null or "overlay")
        {
            if (OverlaySupport.Probe(cache.SlotPath, uppers, out whyNotOverlay) is { } overlays)
                return ("overlay", overlays.Description, overlays);
            if (forced is not null)
                throw new FaultException(
                    FaultKind.Worker, $"materialiser overlay was asked for and does not work here: {whyNotOverlay}");
        }
        if (forced is null or "reflink")
        {
            if (WhyNoReflink(store, settings.UpperDirectoryRoot) is not { } whyNot)
                return ("reflink", forced is null ? $"no overlay ({whyNotOverlay})" : "as configured", null);
            if (forced is not null)
                throw new FaultException(
                    FaultKind.Worker, $"materialiser reflink was asked for and does not work here: {whyNot}");
            return ("copy",
                $"no overlay ({whyNotOverlay}), no reflinks ({whyNot}); " +
                "hard links alone would let actions change the store", null);
        }
        return (forced!, forced == "hardlink"
            ? "as configured; an action can change the store's files, which is found out after its run"
            : "as configured", null);
    }

    private static string? WhyNoReflink(ContentStore store, string upperRoot)
    {
        // Another process may be trying the same at the same moment.
        var name = $".probe-{Guid.NewGuid():N}";
        var (from, to) = (Path.Combine(store.BlobDirectory, "..", name), Path.Combine(upperRoot, name));
        try
        {
            File.WriteAllBytes(from, new byte[4096]);
            using var source = File.OpenHandle(from);
            using var target = File.OpenHandle(to, FileMode.Create, FileAccess.Write);
            return FileCopy.TryReflink((int)source.DangerousGetHandle(), (int)target.DangerousGetHandle())
                ? null
                : $"FICLONE: {Errno.Text(Errno.Last)}";
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return error.Message;
        }
        finally
        {
            File.Delete(from);
            File.Delete(to);
        }
    }
}
