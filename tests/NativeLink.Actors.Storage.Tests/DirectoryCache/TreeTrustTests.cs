using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using NativeLink.Actors.Storage.Tests.Materialisers;

namespace NativeLink.Actors.Storage.Tests.DirectoryCache;

/// <summary>What a message says is taken as it is, or refused.</summary>
public class TreeTrustTests
{
    [Theory]
    [InlineData(253402300799, 0)]
    [InlineData(9223372036, 0)]
    [InlineData(-9223372036, 0)]
    [InlineData(long.MinValue, 0)]
    [InlineData(5, 1_000_000_000)]
    [InlineData(5, -1)]
    public async Task A_time_outside_of_what_can_be_kept_is_refused_and_not_wrapped(long seconds, int nanoseconds)
    {
        using var fixture = new RootsFixture();
        var file = fixture.Tree.File("f", "content");
        file.NodeProperties = new Reapi.NodeProperties
        {
            Mtime = new Timestamp { Seconds = seconds, Nanos = nanoseconds },
        };

        var fault = (await fixture.FailAsync(fixture.Tree.Dir(("f", file)))).Fault;

        Assert.Equal((FaultKind.Action, StatusCode.InvalidArgument), (fault.Kind, fault.Code));
        Assert.Contains("mtime", fault.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_digest_of_size_0_with_another_hash_is_missing_as_file_and_as_directory()
    {
        var bogus = new Reapi.Digest { Hash = new string('a', 64), SizeBytes = 0 };
        foreach (var directory in (Reapi.Directory[])
            [
                new() { Files = { new Reapi.FileNode { Name = "file", Digest = bogus } } },
                new() { Directories = { new Reapi.DirectoryNode { Name = "dir", Digest = bogus } } },
            ])
        {
            using var fixture = new RootsFixture();
            Assert.Equal(FaultKind.Missing, (await fixture.FailAsync(fixture.Tree.Add(directory))).Fault.Kind);
        }
    }
}
