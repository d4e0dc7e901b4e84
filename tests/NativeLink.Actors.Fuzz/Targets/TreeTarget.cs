using Google.Protobuf;
using NativeLink.Actors.Cli.Client;
using NativeLink.Actors.Fuzz.Making;
using NativeLink.Actors.Testing.Cas;

namespace NativeLink.Actors.Fuzz.Targets;

/// <summary>
/// Results and Trees of a server that is not to be trusted, written to disk by the client: below
/// its directory or not at all.
/// </summary>
internal sealed class TreeTarget : IFuzzTarget
{
    private static readonly TimeSpan Bound = TimeSpan.FromMinutes(1);

    private readonly Canaries _canaries = new();
    private FakeCasServer _cas = null!;
    private ReapiClient _client = null!;

    public int AtOnce => 1;

    public async Task StartAsync()
    {
        _cas = await FakeCasServer.StartAsync();
        _client = new ReapiClient(RemoteExecutorOptions.Of(_cas.Address), TimeProvider.System);
    }

    public async Task<IReadOnlyList<string>> RunAsync(Draw draw)
    {
        var into = Directory.CreateDirectory(Path.Combine(_canaries.Place, "into")).FullName;
        using var bound = new CancellationTokenSource(Bound);
        try
        {
            await new OutputWriter(_client, into).WriteAsync(
                Result(draw), draw.Percent(30) ? draw.Text() : "", bound.Token);
            return Judge(null);
        }
        catch (Exception error) when (error is FaultException or Grpc.Core.RpcException)
        {
            return Judge(bound.IsCancellationRequested ? "it did not end" : null);
        }
        catch (Exception error)
        {
            return Judge(error.ToString());
        }
        finally
        {
            Directory.Delete(into, recursive: true);
            _cas.Blobs.Clear();
        }
    }

    public Task<IReadOnlyList<string>> CheckAsync() => Task.FromResult<IReadOnlyList<string>>([]);

    public async ValueTask DisposeAsync()
    {
        await _client.DisposeAsync();
        await _cas.DisposeAsync();
        _canaries.Dispose();
    }

    private IReadOnlyList<string> Judge(string? problem) =>
        [.. new[] { problem, _canaries.Difference() }.OfType<string>()];

    private Reapi.ActionResult Result(Draw draw)
    {
        var result = new Reapi.ActionResult();
        for (var left = draw.Below(4); left > 0; left--)
            result.OutputFiles.Add(new Reapi.OutputFile
            {
                Path = PathOf(draw),
                Digest = Digest(draw, draw.Bytes(30)),
                IsExecutable = draw.Percent(50),
                Contents = ByteString.CopyFrom(draw.Bytes(3)),
            });
        for (var left = draw.Below(3); left > 0; left--)
        {
            var tree = Tree(draw).ToByteArray();
            result.OutputDirectories.Add(new Reapi.OutputDirectory
            {
                Path = PathOf(draw),
                TreeDigest = Digest(draw, draw.Percent(30) ? draw.Mutate(tree) : tree),
            });
        }
        for (var left = draw.Below(3); left > 0; left--)
            result.OutputSymlinks.Add(new Reapi.OutputSymlink
            {
                Path = PathOf(draw),
                Target = draw.Percent(50) ? _canaries.Canary : draw.Text(),
            });
        return result;
    }

    private static string PathOf(Draw draw) => draw.Percent(50)
        ? draw.Pick(["link", "link/f", "dir", "dir/f", "a", "a/b/c"])
        : draw.Text();

    private Reapi.Tree Tree(Draw draw)
    {
        var tree = new Reapi.Tree { Root = new Reapi.Directory() };
        for (var left = draw.Below(4); left > 0; left--)
            tree.Children.Add(DirectoryOf(draw, tree));
        tree.Root = DirectoryOf(draw, tree);
        return tree;
    }

    private Reapi.Directory DirectoryOf(Draw draw, Reapi.Tree tree)
    {
        var directory = new Reapi.Directory();
        for (var left = draw.Below(5); left > 0; left--)
        {
            switch (draw.Below(3))
            {
                case 0 when tree.Children.Count > 0:
                    var child = draw.Pick(tree.Children);
                    directory.Directories.Add(new Reapi.DirectoryNode
                    {
                        Name = PathOf(draw),
                        Digest = Digest(draw, child.ToByteArray()),
                    });
                    break;
                case 1:
                    directory.Symlinks.Add(new Reapi.SymlinkNode
                    {
                        Name = PathOf(draw),
                        Target = draw.Percent(50) ? _canaries.Canary : draw.Text(),
                    });
                    break;
                default:
                    directory.Files.Add(new Reapi.FileNode
                    {
                        Name = PathOf(draw),
                        Digest = Digest(draw, draw.Bytes(30)),
                    });
                    break;
            }
        }
        return directory;
    }

    private Reapi.Digest? Digest(Draw draw, byte[] content)
    {
        var right = _cas.Put(content).ToWire();
        return draw.Below(30) switch
        {
            0 => null,
            1 => new Reapi.Digest { Hash = draw.Text(), SizeBytes = draw.Number64() },
            2 => new Reapi.Digest { Hash = right.Hash, SizeBytes = draw.Number64() },
            _ => right,
        };
    }
}
