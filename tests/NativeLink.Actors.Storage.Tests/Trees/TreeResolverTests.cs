using System.Diagnostics;
using System.Globalization;
using Google.Protobuf;
using NativeLink.Actors.Protocol.Hashing;
using NativeLink.Actors.Storage.Trees;

namespace NativeLink.Actors.Storage.Tests.Trees;

public sealed class TreeResolverTests
{
    private const int Siblings = 40_000;

    [Fact]
    public async Task Very_many_directories_side_by_side_are_compared_with_those_of_late_without_asking_each()
    {
        var nodes = new DirectoryNodeCache(long.MaxValue);
        var resolver = new TreeResolver(nodes, new TreeLimits());
        var (many, changed) = (new Source(), new Source());
        var (first, second) = (many.Root(100, Siblings), changed.Root(101, Siblings));
        var began = Stopwatch.GetTimestamp();
        var (held, _) = await resolver.ResolveAsync(first, many, CancellationToken.None);
        var beside = Stopwatch.GetElapsedTime(began);
        nodes.Retain(held);
        began = Stopwatch.GetTimestamp();
        await resolver.ResolveAsync(second, changed, CancellationToken.None);
        var after = Stopwatch.GetElapsedTime(began);
        Assert.True(after < (8 * beside) + TimeSpan.FromSeconds(1),
            $"{after.TotalSeconds:F1} s, and {beside.TotalSeconds:F1} s when none was like it");
        // Each had a directory of the same name in the same place: nothing is likely to be cold.
        Assert.Equal(0, changed.Cold);
    }

    [Fact]
    public async Task What_is_in_a_new_place_is_cold_and_what_was_there_before_is_not()
    {
        var nodes = new DirectoryNodeCache(long.MaxValue);
        var resolver = new TreeResolver(nodes, new TreeLimits());
        var first = new Source();
        var (root, _) = await resolver.ResolveAsync(first.Root(1, 3), first, CancellationToken.None);
        // The root and the three below it, of which nothing was known.
        Assert.Equal(4, first.Cold);
        nodes.Retain(root);
        var second = new Source();
        await resolver.ResolveAsync(second.Root(2, 5), second, CancellationToken.None);
        Assert.Equal(2, second.Cold);
    }

    /// <summary>A root with directories side by side, each of which has one more below it.</summary>
    private sealed class Source : ITreeSource
    {
        private readonly Dictionary<Digest, Reapi.Directory> _messages = [];

        public int Cold { get; private set; }

        public Digest Root(int version, int siblings)
        {
            var root = new Reapi.Directory();
            for (var i = 0; i < siblings; i++)
            {
                var leaf = Add(new Reapi.Directory
                {
                    Symlinks = { new Reapi.SymlinkNode
                    {
                        Name = "link",
                        Target = string.Create(CultureInfo.InvariantCulture, $"{version} {i}"),
                    } },
                });
                var directory = Add(new Reapi.Directory
                {
                    Directories = { new Reapi.DirectoryNode { Name = "leaf", Digest = leaf.ToWire() } },
                });
                root.Directories.Add(new Reapi.DirectoryNode
                {
                    Name = string.Create(CultureInfo.InvariantCulture, $"directory-{i:D6}"),
                    Digest = directory.ToWire(),
                });
            }
            return Add(root);
        }

        public Task<IReadOnlyDictionary<Digest, Reapi.Directory>> GetDirectoriesAsync(
            IReadOnlyCollection<Digest> directories, Func<Digest, Reapi.Directory, bool> isCold,
            CancellationToken cancellation)
        {
            var found = directories.ToDictionary(digest => digest, digest => _messages[digest]);
            Cold += found.Count(pair => pair.Value.Directories.Count > 0 && isCold(pair.Key, pair.Value));
            return Task.FromResult<IReadOnlyDictionary<Digest, Reapi.Directory>>(found);
        }

        public Task<IDisposable> FetchAsync(IReadOnlyCollection<Digest> files, CancellationToken cancellation) =>
            throw new NotSupportedException();

        private Digest Add(Reapi.Directory message)
        {
            var digest = BlobHasher.Compute(message.ToByteArray(), DigestFunction.Sha256);
            _messages[digest] = message;
            return digest;
        }
    }
}
