namespace NativeLink.Actors.Storage.Tests.Materialisers;

/// <summary>
/// An action that does to its inputs whatever it can;
/// afterwards the store and the next root are as they were.
/// </summary>
internal static class Protection
{
    private const string Attack =
        "set -e; chmod 666 a; echo spoiled > a; chmod u+w b; truncate -s 0 b; rm c; mv dir/d dir/moved; " +
        "chmod 777 tool; echo bad > tool; "
        + "touch -d 2001-01-01 dir/e; ln dir/e dir/hard; chmod u+w dir/hard; echo spoiled >> dir/hard; rm -r whole; " +
        "mkdir whole; mv dir elsewhere; chmod 700 .";

    public static async Task CheckAsync(RootsFixture fixture)
    {
        var tree = fixture.Tree;
        var root = tree.Dir(
            ("a", "content a"),
            ("b", "content b"),
            ("c", "content c"),
            ("tool", tree.File("x", "#!/bin/sh\necho tool", executable: true)),
            ("dir", tree.Dir(("d", "content d"), ("e", "content e"))),
            ("whole", tree.Dir(("f", "content f"))));
        using (var spoiled = await fixture.MakeAsync(root))
        {
            Assert.Equal(fixture.Roots.Materialiser, spoiled.Materialiser);
            Assert.Equal((0, ""), Shell.Run(Attack, spoiled.Path));
        }

        using var next = await fixture.MakeAsync(root);
        Assert.Equal(
            "content acontent bcontent ctoolcontent dcontent econtent f444 555 755",
            Shell.Run("cat a b c; ./tool | tr -d '\\n'; cat dir/d dir/e whole/f; echo -n $(stat -c %a a tool .)",
                next.Path).Output);
        foreach (var (digest, content) in tree.Files)
        {
            Assert.Equal(content, fixture.Store.Store.Read(digest));
            Assert.Equal("444", Shell.Run($"stat -c %a {fixture.Store.BlobPath(digest)}", "/").Output.Trim());
        }
    }
}
