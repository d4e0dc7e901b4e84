namespace NativeLink.Actors.Storage.Tests.Materialisers;

/// <summary>
/// Hard links, which only a configuration asks for: what
/// is checked after the run, and what may leave the store.
/// </summary>
public class HardLinkTests
{
    private static readonly Digest Good = Blobs.DigestOf(Blobs.Bytes("good"));

    [Fact]
    public async Task A_blob_that_went_and_came_back_during_the_run_is_nobodys_damage()
    {
        using var fixture = new RootsFixture("hardlink");
        var root = fixture.Tree.Dir(("plain", "good"), ("tool", fixture.Tree.File("x", "good", executable: true)));
        using (await fixture.MakeAsync(root))
        {
            fixture.Store.Store.Delete(Good);
            fixture.Store.Store.Put("good");
        }
        Assert.True(fixture.Store.Store.Contains(Good));
        Assert.Empty(fixture.Store.Warnings);
    }

    [Fact]
    public async Task A_file_that_was_only_touched_stays()
    {
        using var fixture = new RootsFixture("hardlink");
        using (var made = await fixture.MakeAsync(fixture.Tree.Dir(("plain", "good"))))
            Assert.Equal(0, Shell.Run("touch -d 2001-01-01 plain", made.Path).ExitCode);
        Assert.True(fixture.Store.Store.Contains(Good));
    }

    [Theory]
    [InlineData("plain")]
    [InlineData("tool")]
    public async Task A_spoiled_file_whose_inode_was_renewed_afterwards_leaves_the_store_all_the_same(string name)
    {
        using var fixture = new RootsFixture("hardlink");
        var root = fixture.Tree.Dir(("plain", "good"), ("tool", fixture.Tree.File("x", "good", executable: true)));
        using (var made = await fixture.MakeAsync(root))
        {
            // What happens when the links of the spoiled inode are used up: the store's name gets a copy.
            var stored = name == "plain" ? fixture.Store.BlobPath(Good) : fixture.Store.ExecutableCopyPath(Good);
            var (code, output) = Shell.Run(
                $"chmod u+w {name} && printf evil > {name} && chmod u-w {name} && cp -p {name} {stored}.new && mv " +
                $"{stored}.new {stored}", made.Path);
            Assert.Equal((0, ""), (code, output));
        }
        Assert.False(fixture.Store.Store.Contains(Good));
        using var next = await fixture.MakeAsync(root);
        Assert.Equal(("good", "good"),
            (File.ReadAllText(Path.Combine(next.Path, "plain")), File.ReadAllText(Path.Combine(next.Path, "tool"))));
    }
}
