using System.Runtime.InteropServices;

namespace NativeLink.Actors.Storage.Tests.Materialisers;

/// <summary>
/// Want of descriptors says nothing about what is on disk: it
/// is one action's internal fault, and leaves nothing behind.
/// </summary>
public partial class ScarcityTests
{
    [SkippableFact]
    public async Task Without_a_descriptor_a_cached_tree_is_not_taken_for_damaged_and_stays_nobodys()
    {
        RootsFixture.Needs("overlay");
        using var fixture = new RootsFixture("overlay");
        var root = fixture.Tree.Dir(("a", "a"), ("d", fixture.Tree.Dir(("b", "b"))));
        (await fixture.MakeAsync(root)).Dispose();

        Fault? fault = null;
        WithoutDescriptors(
            () => fault = Assert.Throws<FaultException>(() => fixture.MakeAsync(root).GetAwaiter().GetResult()).Fault);

        Assert.Equal(FaultKind.Storage, fault!.Kind);
        Assert.Contains("oo many open files", fault.Detail, StringComparison.Ordinal);
        Assert.Equal((0, 0), (fixture.Roots.PinnedTrees, (int)fixture.Roots.Statistics.DamagedTrees));
        Assert.Empty(Directory.GetFileSystemEntries(fixture.Store.Directory.At("work")));
        using var next = await fixture.MakeAsync(root);
        Assert.True(next.Cached);
    }

    [Fact]
    public void What_cannot_be_deleted_for_want_of_descriptors_is_told_from_what_never_can_be()
    {
        using var temp = new TempDirectory();
        Directory.CreateDirectory(temp.At("tree", "in"));
        File.WriteAllText(temp.At("tree", "in", "f"), "x");
        var isScarce = false;
        WithoutDescriptors(() => TreeDeleter.Delete(temp.At("tree"), out isScarce));
        Assert.True(isScarce);
        Assert.Empty(TreeDeleter.Delete(temp.At("tree"), out isScarce));
        Assert.Equal((false, false), (isScarce, Directory.Exists(temp.At("tree"))));
    }

    /// <summary>On a thread with a table of descriptors of its own (unshare(2), CLONE_FILES), which is full.</summary>
    private static void WithoutDescriptors(Action work)
    {
        Exception? failed = null;
        var thread = new Thread(() =>
        {
            try
            {
                Assert.Equal(0, Unshare(0x400));
                while (Duplicate(1) >= 0)
                {
                }
                work();
            }
            catch (Exception error)
            {
                failed = error;
            }
        });
        thread.Start();
        thread.Join();
        Assert.Null(failed);
    }

    [LibraryImport("libc", EntryPoint = "unshare")]
    private static partial int Unshare(int flags);

    [LibraryImport("libc", EntryPoint = "dup")]
    private static partial int Duplicate(int descriptor);
}
