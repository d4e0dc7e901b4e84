using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using NativeLink.Actors.Cli.Tests.Rig;
using NativeLink.Actors.Protocol;

namespace NativeLink.Actors.Cli.Tests.Client;

/// <summary>
/// Bad input through the whole pool: the right code, a
/// clear message, one answer, and the worker goes on.
/// </summary>
public sealed class BadInputTests(Pool pool) : IClassFixture<Pool>
{
    private static Reapi.Command True => new() { Arguments = { "/bin/true" } };

    [Theory]
    [InlineData("..")]
    [InlineData(".")]
    [InlineData("")]
    [InlineData("../escaped")]
    [InlineData("a/b")]
    [InlineData("/absolute")]
    public async Task A_tree_with_a_name_that_is_no_name_is_refused(string name)
    {
        var blobs = new Blobs();
        var root = new Reapi.Directory
        {
            Files = { new Reapi.FileNode { Name = name, Digest = blobs.Add("content") } },
        };

        await RefusedAsync(blobs, root, $"'{name}'");
    }

    [Fact]
    public async Task A_tree_with_duplicate_names_is_refused()
    {
        var blobs = new Blobs();
        var root = new Reapi.Directory
        {
            Files = { new Reapi.FileNode { Name = "twice", Digest = blobs.Add("one") } },
            Symlinks = { new Reapi.SymlinkNode { Name = "twice", Target = "elsewhere" } },
        };

        await RefusedAsync(blobs, root, "twice");
    }

    [Fact]
    public async Task A_file_of_negative_size_is_refused()
    {
        var blobs = new Blobs();
        var digest = blobs.Add("content");
        var root = new Reapi.Directory
        {
            Files = { new Reapi.FileNode
            {
                Name = "f",
                Digest = new Reapi.Digest { Hash = digest.Hash, SizeBytes = -1 },
            } },
        };

        await RefusedAsync(blobs, root, "-1");
    }

    [Fact]
    public async Task A_command_without_arguments_is_refused()
    {
        var response = await pool.ExecuteAsync(new Blobs(), new Reapi.Action(), new Reapi.Command());

        AssertStatus(StatusCode.InvalidArgument, "argument", response);
        await pool.StillWorksAsync();
    }

    [Fact]
    public async Task A_timeout_above_the_workers_longest_is_refused()
    {
        var action = new Reapi.Action { Timeout = Duration.FromTimeSpan(TimeSpan.FromHours(3)) };

        var response = await pool.ExecuteAsync(new Blobs(), action, True);

        AssertStatus(StatusCode.InvalidArgument, "timeout", response);
        await pool.StillWorksAsync();
    }

    [Fact]
    public async Task A_missing_file_is_named_in_a_precondition_failure()
    {
        var blobs = new Blobs();
        var missing = new Reapi.Digest { Hash = new string('a', 64), SizeBytes = 17 };
        var root = new Reapi.Directory { Files = { new Reapi.FileNode { Name = "f", Digest = missing } } };

        var response = await pool.ExecuteAsync(blobs, new Reapi.Action { InputRootDigest = blobs.Add(root) }, True);

        AssertStatus(StatusCode.FailedPrecondition, missing.Hash, response);
        var failure = response.Status.Details.Single(detail => detail.Is(Google.Rpc.PreconditionFailure.Descriptor))
            .Unpack<Google.Rpc.PreconditionFailure>();
        var violation = Assert.Single(failure.Violations);
        Assert.Equal(("MISSING", $"blobs/{missing.Hash}/17"), (violation.Type, violation.Subject));
        await pool.StillWorksAsync();
    }

    [Fact]
    public async Task A_corrupt_blob_fails_the_action_and_is_named()
    {
        var blobs = new Blobs();
        var good = $"content {Guid.NewGuid()}";
        var digest = Digest.FromWire(blobs.Add(good), DigestFunction.Sha256, "the file");
        var root = new Reapi.Directory { Files = { new Reapi.FileNode { Name = "f", Digest = digest.ToWire() } } };
        var action = new Reapi.Action { InputRootDigest = blobs.Add(root) };
        await pool.Client.UploadAsync(blobs.All, default);
        File.SetUnixFileMode(pool.CasFile(digest), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        await File.WriteAllTextAsync(pool.CasFile(digest), new string('x', good.Length));

        var response = await pool.ExecuteAsync(blobs, action, True);

        Assert.NotEqual(0, response.Status.Code);
        Assert.Contains(digest.Hash, response.Status.Message, StringComparison.Ordinal);
        await pool.StillWorksAsync();
    }

    private async Task RefusedAsync(Blobs blobs, Reapi.Directory root, string named)
    {
        var response = await pool.ExecuteAsync(blobs, new Reapi.Action { InputRootDigest = blobs.Add(root) }, True);

        AssertStatus(StatusCode.InvalidArgument, named, response);
        await pool.StillWorksAsync();
    }

    private static void AssertStatus(StatusCode code, string named, Reapi.ExecuteResponse response)
    {
        Assert.Equal((code, response.Status.Message), ((StatusCode)response.Status.Code, response.Status.Message));
        Assert.Contains(named, response.Status.Message, StringComparison.OrdinalIgnoreCase);
    }
}
