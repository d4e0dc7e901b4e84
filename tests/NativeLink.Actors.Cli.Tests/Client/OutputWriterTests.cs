using NativeLink.Actors.Cli.Client;
using NativeLink.Actors.Cli.Tests.Rig;
using NativeLink.Actors.Protocol;

namespace NativeLink.Actors.Cli.Tests.Client;

/// <summary>What a server may claim about outputs does not lead out of <c>--into</c>.</summary>
public sealed class OutputWriterTests(Pool pool) : IClassFixture<Pool>, IDisposable
{
    private readonly TempDirectory _directory = new();

    [Theory]
    [InlineData("../escaped")]
    [InlineData("a/../../escaped")]
    [InlineData("/tmp/escaped")]
    public async Task A_path_that_leads_out_is_refused(string path)
    {
        var file = await FileAsync(path);

        var fault = await Assert.ThrowsAsync<FaultException>(
            () => WriteAsync(new Reapi.ActionResult { OutputFiles = { file } }));

        Assert.Contains("outside", fault.Fault.Detail, StringComparison.Ordinal);
        Assert.False(File.Exists(_directory.At("escaped")));
    }

    [Theory]
    [InlineData("..")]
    [InlineData("a/b")]
    [InlineData("")]
    public async Task A_name_in_a_tree_that_is_no_name_is_refused(string name)
    {
        var blobs = new Blobs();
        var tree = new Reapi.Tree
        {
            Root = new Reapi.Directory { Files = { new Reapi.FileNode { Name = name, Digest = blobs.Add("x") } } },
        };
        var digest = blobs.Add(tree);
        await pool.Client.UploadAsync(blobs.All, default);

        await Assert.ThrowsAsync<FaultException>(
            () => WriteAsync(
                new Reapi.ActionResult
                {
                    OutputDirectories = { new Reapi.OutputDirectory { Path = "d",
                    TreeDigest = digest } }
                }));
    }

    [Theory]
    [InlineData("with\0nul")]
    [InlineData(300)]
    [InlineData(5000)]
    public async Task A_path_that_cannot_be_is_told_as_a_fault(object path)
    {
        var file = await FileAsync(path as string ?? new string('n', (int)path));

        await Assert.ThrowsAsync<FaultException>(() => WriteAsync(new Reapi.ActionResult { OutputFiles = { file } }));
    }

    [Fact]
    public async Task A_malformed_digest_and_a_tree_that_is_none_are_told_as_faults()
    {
        var malformed = new Reapi.OutputFile { Path = "f", Digest = new Reapi.Digest { Hash = "x", SizeBytes = -1 } };
        await Assert.ThrowsAsync<FaultException>(
            () => WriteAsync(new Reapi.ActionResult { OutputFiles = { malformed } }));
        var blobs = new Blobs();
        // An empty wrapper that ends early, at which the parser does not throw its own exception.
        var noTree = blobs.Add(Google.Protobuf.ByteString.CopyFrom(Convert.FromHexString("0A062A041A020000")));
        await pool.Client.UploadAsync(blobs.All, default);
        await Assert.ThrowsAsync<FaultException>(
            () => WriteAsync(
                new Reapi.ActionResult
                {
                    OutputDirectories = { new Reapi.OutputDirectory { Path = "d",
                    TreeDigest = noTree } }
                }));
    }

    [Fact]
    public async Task Nothing_is_written_through_a_symlink()
    {
        Directory.CreateDirectory(_directory.At("outside"));
        Directory.CreateDirectory(_directory.At("into"));
        File.CreateSymbolicLink(_directory.At("into/link"), _directory.At("outside"));

        await Assert.ThrowsAsync<FaultException>(
            () => WriteAsync(
                new Reapi.ActionResult
                {
                    OutputFiles = { new Reapi.OutputFile { Path = "link/file",
                    Digest = new Blobs().Add("") } }
                }));

        Assert.Empty(Directory.EnumerateFileSystemEntries(_directory.At("outside")));
    }

    [Fact]
    public async Task A_link_in_the_way_is_replaced_not_followed()
    {
        var other = _directory.Write("other", "untouched");
        Directory.CreateDirectory(_directory.At("into"));
        File.CreateSymbolicLink(_directory.At("into/file"), other);

        await WriteAsync(new Reapi.ActionResult { OutputFiles = { await FileAsync("file") } });

        Assert.Equal("untouched", await File.ReadAllTextAsync(other));
        Assert.Equal("content", await File.ReadAllTextAsync(_directory.At("into/file")));
    }

    [Fact]
    public async Task Clients_that_write_the_same_outputs_at_once_all_succeed_and_leave_nothing_else()
    {
        var result = new Reapi.ActionResult
        {
            OutputFiles = { await FileAsync("file") },
            OutputSymlinks =
            {
                new Reapi.OutputSymlink { Path = "link", Target = "file" },
                new Reapi.OutputSymlink { Path = "here", Target = "." },
                new Reapi.OutputSymlink { Path = "nowhere", Target = "missing" },
            },
        };

        await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => Task.Run(() => WriteAsync(result))));

        Assert.Equal("content", await File.ReadAllTextAsync(_directory.At("into/here/link")));
        Assert.Equal(4, Directory.GetFileSystemEntries(_directory.At("into")).Length);
    }

    [Fact]
    public async Task What_is_of_another_kind_than_what_stands_there_is_refused_with_what_to_do()
    {
        var (blobs, file) = (new Blobs(), await FileAsync("d"));
        var tree = blobs.Add(new Reapi.Tree { Root = new Reapi.Directory() });
        await pool.Client.UploadAsync(blobs.All, default);
        Directory.CreateDirectory(_directory.At("into/d"));
        _directory.Write("into/f", "file");
        foreach (var result in (Reapi.ActionResult[])
        [
            new() { OutputFiles = { file } },
            new() { OutputSymlinks = { new Reapi.OutputSymlink { Path = "d", Target = "f" } } },
            new() { OutputDirectories = { new Reapi.OutputDirectory { Path = "f", TreeDigest = tree } } },
        ])
        {
            var fault = await Assert.ThrowsAsync<FaultException>(() => WriteAsync(result));
            Assert.Contains("remove it or choose another --into", fault.Fault.Detail, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task What_cannot_be_fetched_leaves_what_stood_there_before()
    {
        Directory.CreateDirectory(_directory.At("into"));
        _directory.Write("into/file", "before");
        var missing = new Reapi.OutputFile { Path = "file", Digest = new Blobs().Add("nobody has this") };

        await Assert.ThrowsAnyAsync<Exception>(() => WriteAsync(new Reapi.ActionResult { OutputFiles = { missing } }));

        Assert.Equal("before", await File.ReadAllTextAsync(_directory.At("into/file")));
        Assert.Single(Directory.GetFileSystemEntries(_directory.At("into")));
    }

    private async Task<Reapi.OutputFile> FileAsync(string path)
    {
        var blobs = new Blobs();
        var digest = blobs.Add("content");
        await pool.Client.UploadAsync(blobs.All, default);
        return new Reapi.OutputFile { Path = path, Digest = digest };
    }

    private Task WriteAsync(Reapi.ActionResult result) =>
        new OutputWriter(pool.Client, _directory.At("into")).WriteAsync(result, "", default);

    public void Dispose() => _directory.Dispose();
}
