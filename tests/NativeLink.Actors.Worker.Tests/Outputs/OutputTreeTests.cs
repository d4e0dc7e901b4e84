using System.Runtime.InteropServices;
using Google.Protobuf;
using NativeLink.Actors.Protocol.Hashing;

namespace NativeLink.Actors.Worker.Tests.Outputs;

public sealed partial class OutputTreeTests : OutputSpec
{
    [Fact]
    public async Task NL_022_NL_023_A_directory_becomes_the_Tree_that_REAPI_describes()
    {
        Write("dir1/file", "foo\n");
        Write("dir1/file2");
        Link("dir1/dir2/sym", "../file");
        var directory = Assert.Single((await UploadAsync(new Reapi.Command
        {
            WorkingDirectory = ".",
            OutputPaths = { "dir1" },
        })).OutputDirectories);
        Assert.Equal(("3edeaef5deb22b072c788adbbb15cef97d5b640a0133da260d3e0b1c0afd5ca6", 254),
            (directory.TreeDigest.Hash, directory.TreeDigest.SizeBytes));
        Assert.True(directory.IsTopologicallySorted);
        var tree = TreeOf(directory);
        Assert.Equal(["file", "file2"], tree.Root.Files.Select(file => file.Name));
        Assert.Equal("cce0098e0b0f1d785edb0da50beedb13e27dcd459b091b2f8f82543cb7cd0527",
            tree.Root.Directories[0].Digest.Hash);
        Assert.Equal("../file", Assert.Single(tree.Children).Symlinks[0].Target);
    }

    [Fact]
    public async Task NL_036_A_directory_with_one_file_has_the_digest_without_its_root_among_the_children()
    {
        Write("tst/tst.txt", "456 ");
        var directory = Assert.Single((await UploadAsync(Outputs("tst"))).OutputDirectories);
        Assert.Equal(("c80ff014a65938993c8a40d2c9743b65c012c42677d6e50147d2608eb053193f", 83),
            (directory.TreeDigest.Hash, directory.TreeDigest.SizeBytes));
    }

    [Fact]
    public async Task NL_037_NL_041_Trees_are_the_same_every_time_unique_and_parents_first()
    {
        // "x" is a child of the root and, deeper and with the same content, of "a/b".
        foreach (var path in (string[])["d/a/b/x/f", "d/x/f", "d/z/f", "d/b/deep/g", "d/a/deep/g", "d/top"])
            Write(path, path.EndsWith('g') ? "2" : "1");
        Directory.CreateDirectory(Path.Combine(Root, "d/empty"));
        var results = new List<Reapi.OutputDirectory>();
        for (var i = 0; i < 4; i++)
            results.Add((await UploadAsync(Outputs("d"))).OutputDirectories[0]);
        Assert.Single(results.Select(result => result.TreeDigest.Hash).Distinct());
        var tree = TreeOf(results[0]);
        Assert.Equal(["a", "b", "empty", "x", "z"], tree.Root.Directories.Select(child => child.Name));
        var order = tree.Children.Select(child => BlobHasher.Compute(child.ToByteArray(), Function)).ToList();
        Assert.Equal(order.Count, order.Distinct().Count());
        // a, b (of a), deep, x (equal to z), b, empty: the root is not among them.
        Assert.Equal(6, order.Count);
        for (var i = 0; i < order.Count; i++)
            Assert.All(tree.Children[i].Directories,
                child => Assert.True(order.IndexOf(Digest.FromWire(child.Digest, Function, "a child")) > i));
        Assert.All(
            tree.Root.Directories, child => Assert.Contains(Digest.FromWire(child.Digest, Function, "a child"), order));
    }

    [Fact]
    public async Task Inside_a_directory_a_fifo_is_skipped()
    {
        Write("d/f", "x");
        Assert.Equal(0, MakeFifo(Path.Combine(Root, "d/p"), 0x1a4));
        Assert.Equal(["f"], TreeOf(
            Assert.Single((await UploadAsync(Outputs("d"))).OutputDirectories)).Root.Files.Select(file => file.Name));
    }

    [Fact]
    public async Task A_name_that_is_not_UTF_8_is_the_actions_fault()
    {
        Write("d/f", "x");
        byte[] good = [.. System.Text.Encoding.UTF8.GetBytes(Path.Combine(Root, "d/f")), 0];
        byte[] odd = [.. good.AsSpan(..^2), 0xff, 0xfe, 0];
        Assert.Equal(0, Rename(good, odd));
        var error = await Assert.ThrowsAsync<FaultException>(() => UploadAsync(Outputs("d")));
        Assert.Equal(0, Rename(odd, good));
        Assert.Equal(FaultKind.Action, error.Fault.Kind);
        Assert.Contains("UTF-8", error.Fault.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Reapi.Command.Types.OutputDirectoryFormat.TreeOnly, false)]
    [InlineData(Reapi.Command.Types.OutputDirectoryFormat.DirectoryOnly, true)]
    [InlineData(Reapi.Command.Types.OutputDirectoryFormat.TreeAndDirectory, true)]
    public async Task Directories_are_blobs_of_their_own_when_the_format_asks_for_them(
        Reapi.Command.Types.OutputDirectoryFormat format, bool single)
    {
        Write("d/a/b/f", "x");
        var command = Outputs("d");
        command.OutputDirectoryFormat = format;
        var directory = Assert.Single((await UploadAsync(command)).OutputDirectories);
        Assert.NotNull(directory.TreeDigest);
        Assert.Equal(single, directory.RootDirectoryDigest is not null);
        var levels = 0;
        for (var next = directory.RootDirectoryDigest; next is not null; levels++)
            next = Reapi.Directory.Parser.ParseFrom(
                Server.Blobs[Digest.FromWire(next, Function, "a directory")]).Directories.FirstOrDefault()?.Digest;
        Assert.Equal(single ? 3 : 0, levels);
    }

    [Theory]
    [InlineData("", ".")]
    [InlineData(".", ".")]
    [InlineData("", "")]
    [InlineData("a", "..")]
    public async Task The_root_itself_may_be_an_output(string workingDirectory, string path)
    {
        Write("a/f", "x");
        var directory = Assert.Single((await UploadAsync(new Reapi.Command
        {
            WorkingDirectory = workingDirectory,
            OutputPaths = { path },
        })).OutputDirectories);
        Assert.Equal(path, directory.Path);
        Assert.Equal("a", Assert.Single(TreeOf(directory).Root.Directories).Name);
    }

    [LibraryImport("libc", EntryPoint = "mkfifo", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MakeFifo(string path, uint mode);

    [LibraryImport("libc", EntryPoint = "rename")]
    private static partial int Rename(byte[] from, byte[] to);
}
