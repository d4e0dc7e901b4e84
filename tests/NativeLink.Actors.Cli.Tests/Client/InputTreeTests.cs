using System.Diagnostics;
using NativeLink.Actors.Cli.Client;
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

        var tree = InputTree.Read(_directory.Path, DigestFunction.Sha256, default);

        var root = Message(tree, tree.Root);
        Assert.Equal(("a", Digest.Empty(DigestFunction.Sha256).Hash, false),
            (root.Files[0].Name, root.Files[0].Digest.Hash, root.Files[0].IsExecutable));
        Assert.Equal(("link", "b/run"), (root.Symlinks[0].Name, root.Symlinks[0].Target));
        var child = Message(tree, Digest.FromWire(root.Directories.Single().Digest, DigestFunction.Sha256, "b"));
        Assert.Equal(
            ("run", 1, true), (child.Files[0].Name, child.Files[0].Digest.SizeBytes, child.Files[0].IsExecutable));
        Assert.Equal(3, tree.Files);
    }

    [Fact]
    public void Names_are_in_the_order_of_their_UTF8_bytes()
    {
        // The emoji comes before U+FF5E in UTF-16 and after it in UTF-8.
        foreach (var name in new[] { "\U0001F600", "\uFF5E", "b", "B", "a" })
            _directory.Write(name, name);

        var tree = InputTree.Read(_directory.Path, DigestFunction.Sha256, default);

        Assert.Equal(["B", "a", "b", "\uFF5E", "\U0001F600"], Message(tree, tree.Root).Files.Select(file => file.Name));
    }

    [Fact]
    public void No_directory_is_an_empty_tree() =>
        Assert.True(InputTree.Read(null, DigestFunction.Sha256, default).Root.IsEmpty);

    [Fact]
    public void A_fifo_is_refused_and_named()
    {
        using var make = Process.Start("mkfifo", [_directory.At("pipe")]);
        make.WaitForExit();

        Assert.Contains("pipe", Assert.Throws<UsageException>(
            () => InputTree.Read(_directory.Path, DigestFunction.Sha256, default)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("touch \"$(printf 'caf\\351')\"", "its name is not UTF-8")]
    [InlineData("mkdir \"$(printf 'caf\\351')\"", "its name is not UTF-8")]
    [InlineData("ln -s target \"$(printf 'caf\\351')\"", "its name is not UTF-8")]
    [InlineData("touch \"$(printf 'caf\\351')\" \"$(printf 'caf\\357\\277\\275')\"", "its name is not UTF-8")]
    [InlineData("ln -s \"$(printf 'caf\\351')\" link", "the symlink's target is not UTF-8")]
    public void What_is_not_UTF8_is_refused_and_not_sent_as_something_else(string made, string reason)
    {
        Shell(made);
        var thrown = Record.Exception(() => InputTree.Read(_directory.Path, DigestFunction.Sha256, default));
        Shell("rm -r ./*"); // .NET cannot delete what it cannot name.

        Assert.Contains(reason, Assert.IsType<UsageException>(thrown).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_sign_for_replaced_bytes_may_itself_stand_in_names_and_targets()
    {
        Shell("touch \"$(printf 'caf\\357\\277\\275')\"; ln -s \"$(printf '\\357\\277\\275')\" link");

        var tree = InputTree.Read(_directory.Path, DigestFunction.Sha256, default);

        var root = Message(tree, tree.Root);
        Assert.Equal(("caf\uFFFD", "\uFFFD"), (root.Files.Single().Name, root.Symlinks.Single().Target));
    }

    [Fact]
    public void Many_small_files_are_read_without_a_large_buffer_for_each()
    {
        for (var index = 0; index < 300; index++)
            _directory.Write($"file-{index}", "");
        var before = GC.GetAllocatedBytesForCurrentThread();

        InputTree.Read(_directory.Path, DigestFunction.Sha256, default);

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 10 << 20);
    }

    private void Shell(string script)
    {
        using var shell = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", script])
        {
            WorkingDirectory = _directory.Path,
        })!;
        shell.WaitForExit();
        Assert.Equal(0, shell.ExitCode);
    }

    private static Reapi.Directory Message(InputTree tree, Digest digest) =>
        Reapi.Directory.Parser.ParseFrom(tree.Blobs[digest].Data);

    public void Dispose() => _directory.Dispose();
}
