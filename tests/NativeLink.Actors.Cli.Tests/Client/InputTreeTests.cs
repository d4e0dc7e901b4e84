using System.Diagnostics;
using NativeLink.Actors.Cli.Client;
using NativeLink.Actors.Cli.Tests.Rig;
using NativeLink.Actors.Protocol;

namespace NativeLink.Actors.Cli.Tests.Client;

public sealed class InputTreeTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    [Fact]
    public void A_directory_becomes_a_Merkle_tree()
    {
        File.SetUnixFileMode(_directory.Write("b/run", "x"), UnixFileMode.UserRead | UnixFileMode.UserExecute);
        _directory.Write("a", "");
        File.CreateSymbolicLink(_directory.At("link"), "b/run");

        var tree = InputTree.Read(_directory.Path, default);

        var root = Message(tree, tree.Root);
        Assert.Equal(("a", Digest.Empty(DigestFunction.Sha256).Hash, false), (root.Files[0].Name, root.Files[0].Digest.Hash, root.Files[0].IsExecutable));
        Assert.Equal(("link", "b/run"), (root.Symlinks[0].Name, root.Symlinks[0].Target));
        var child = Message(tree, Digest.FromWire(root.Directories.Single().Digest, DigestFunction.Sha256, "b"));
        Assert.Equal(("run", 1, true), (child.Files[0].Name, child.Files[0].Digest.SizeBytes, child.Files[0].IsExecutable));
        Assert.Equal(3, tree.Files);
    }

    [Fact]
    public void Names_are_in_the_order_of_their_UTF8_bytes()
    {
        // The emoji comes before U+FF5E in UTF-16 and after it in UTF-8.
        foreach (var name in new[] { "\U0001F600", "\uFF5E", "b", "B", "a" })
            _directory.Write(name, name);

        var tree = InputTree.Read(_directory.Path, default);

        Assert.Equal(["B", "a", "b", "\uFF5E", "\U0001F600"], Message(tree, tree.Root).Files.Select(file => file.Name));
    }

    [Fact]
    public void No_directory_is_an_empty_tree() => Assert.True(InputTree.Read(null, default).Root.IsEmpty);

    [Fact]
    public void A_fifo_is_refused_and_named()
    {
        using var make = Process.Start("mkfifo", [_directory.At("pipe")]);
        make.WaitForExit();

        Assert.Contains("pipe", Assert.Throws<UsageException>(() => InputTree.Read(_directory.Path, default)).Message, StringComparison.Ordinal);
    }

    private static Reapi.Directory Message(InputTree tree, Digest digest) => Reapi.Directory.Parser.ParseFrom(tree.Blobs[digest].Data);

    public void Dispose() => _directory.Dispose();
}
