using Grpc.Core;
using NativeLink.Actors.LocalCluster.Tests.Host;

namespace NativeLink.Actors.LocalCluster.Tests.Services;

public sealed class ByteStreamWriteTests
{
    [Theory]
    [InlineData("")]
    [InlineData("main/")]
    [InlineData("/")]
    [InlineData("a/b/blobs/")]
    public async Task NL_296_NL_351_Several_messages_make_a_blob_under_any_form_of_the_name(string instance)
    {
        await using var cluster = await RunningCluster.StartAsync();
        var content = Blobs.Random(300_000);
        var digest = Blobs.DigestOf(content);
        Assert.Equal(content.Length, await cluster.Bytes.UploadAsync(
            ByteStreamCalls.UploadName(digest, instance: instance), content));
        Assert.Equal(content,
            (await cluster.Bytes.DownloadAsync($"{instance}blobs/sha256/{digest.Hash}/{digest.SizeBytes}")).Content);
    }

    [Fact]
    public async Task NL_297_A_name_without_a_function_means_sha256()
    {
        await using var cluster = await RunningCluster.StartAsync();
        var content = "plain"u8.ToArray();
        await cluster.Bytes.UploadAsync(ByteStreamCalls.UploadName(Blobs.DigestOf(content)), content);
        Assert.True(cluster.Server.Cas.Contains(Blobs.DigestOf(content)));
    }

    [Fact]
    public async Task NL_298_A_name_with_blake3_is_stored_and_verified_as_blake3()
    {
        await using var cluster = await RunningCluster.StartAsync();
        var content = Blobs.Random(100_000);
        var digest = Blobs.DigestOf(content, DigestFunction.Blake3);
        Assert.Equal(content.Length, await cluster.Bytes.UploadAsync(
            ByteStreamCalls.UploadName(digest, form: "blobs/blake3/"), content));
        Assert.True(cluster.Server.Cas.Contains(digest));
        Assert.Equal(
            content, (await cluster.Bytes.DownloadAsync($"blobs/blake3/{digest.Hash}/{digest.SizeBytes}")).Content);
    }

    [Fact]
    public async Task NL_302_All_bytes_without_finish_write_get_no_answer_until_it_comes()
    {
        await using var cluster = await RunningCluster.StartAsync();
        var content = "abc"u8.ToArray();
        var name = ByteStreamCalls.UploadName(Blobs.DigestOf(content));
        using var call = cluster.Bytes.BeginWrite();
        await call.SendAsync(name, 0, content);
        await Uploads.WaitForAsync(cluster, name, content.Length);
        Assert.False(call.ResponseAsync.IsCompleted);
        await call.SendAsync(name, content.Length, [], finish: true);
        Assert.Equal(content.Length, (await call.ResponseAsync).CommittedSize);
    }

    [Fact]
    public async Task NL_303_A_first_or_later_offset_beyond_what_was_received_is_out_of_order()
    {
        await using var cluster = await RunningCluster.StartAsync();
        var content = Blobs.Random(20);
        foreach (var first in new[] { 10, 0 })
        {
            using var call = cluster.Bytes.BeginWrite();
            await call.SendAsync(ByteStreamCalls.UploadName(Blobs.DigestOf(content)), first, content.AsSpan(first, 5));
            if (first == 0)
                await call.SendAsync("", 6, content.AsSpan(6));
            var error = await Blobs.FailsWithAsync(StatusCode.InvalidArgument, () => call.ResponseAsync);
            Assert.Contains("out of order", error.Status.Detail, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task NL_304_A_negative_offset_is_refused()
    {
        await using var cluster = await RunningCluster.StartAsync();
        using var call = cluster.Bytes.BeginWrite();
        await call.SendAsync(ByteStreamCalls.UploadName(Blobs.DigestOf("abc"u8)), -10, "abc"u8);
        await Blobs.FailsWithAsync(StatusCode.InvalidArgument, () => call.ResponseAsync);
    }

    [Fact]
    public async Task NL_305_The_empty_blob_is_accepted_with_one_empty_message()
    {
        await using var cluster = await RunningCluster.StartAsync();
        Assert.Equal(
            0, await cluster.Bytes.UploadAsync(ByteStreamCalls.UploadName(Digest.Empty(DigestFunction.Sha256)), []));
    }

    [Fact]
    public async Task NL_306_Too_many_and_too_few_bytes_are_refused_and_nothing_is_stored()
    {
        await using var cluster = await RunningCluster.StartAsync();
        var digest = Blobs.DigestOf("abc"u8);
        foreach (var content in new[] { "abcd", "ab" })
        {
            await Blobs.FailsWithAsync(
                StatusCode.InvalidArgument, () => cluster.Bytes.UploadAsync(
                    ByteStreamCalls.UploadName(digest), System.Text.Encoding.ASCII.GetBytes(content)));
        }
        Assert.False(cluster.Server.Cas.Contains(digest));
    }

    [Fact]
    public async Task Bytes_that_are_not_those_of_the_digest_are_refused_and_nothing_is_stored()
    {
        await using var cluster = await RunningCluster.StartAsync();
        var digest = Blobs.DigestOf("abc"u8);
        await Blobs.FailsWithAsync(StatusCode.InvalidArgument,
            () => cluster.Bytes.UploadAsync(ByteStreamCalls.UploadName(digest), "abd"u8.ToArray()));
        Assert.False(cluster.Server.Cas.Contains(digest));
        Assert.Equal(3, await cluster.Bytes.UploadAsync(ByteStreamCalls.UploadName(digest), "abc"u8.ToArray()));
    }

    [Fact]
    public async Task NL_307_A_message_of_exactly_the_limit_is_taken_and_a_larger_one_is_not()
    {
        const int Limit = 1 << 20;
        await using var cluster = await RunningCluster.StartAsync(options => options with { MaxMessageBytes = Limit });
        var content = Blobs.Random(Limit);
        var request = new Google.ByteStream.WriteRequest
        {
            ResourceName = ByteStreamCalls.UploadName(Blobs.DigestOf(content)),
        };
        request.Data = Google.Protobuf.ByteString.CopyFrom(content, 0, Limit - request.CalculateSize() - 4);
        Assert.Equal(Limit, request.CalculateSize());
        using var call = cluster.Bytes.BeginWrite();
        await call.RequestStream.WriteAsync(request);
        await Uploads.WaitForAsync(cluster, request.ResourceName, request.Data.Length);
        request.ResourceName = ByteStreamCalls.UploadName(Blobs.DigestOf(content));
        request.Data = Google.Protobuf.ByteString.CopyFrom(content, 0, request.Data.Length + 1);
        using var tooLarge = cluster.Bytes.BeginWrite();
        await Blobs.FailsWithAsync(StatusCode.ResourceExhausted, async () =>
        {
            try
            {
                await tooLarge.RequestStream.WriteAsync(request);
            }
            catch (RpcException)
            {
                // The server has answered before it had everything, and takes no more: its answer says why.
            }
            await tooLarge.ResponseAsync;
        });
    }

    [Fact]
    public async Task A_blob_that_is_there_is_answered_at_the_first_message()
    {
        await using var cluster = await RunningCluster.StartAsync();
        var digest = cluster.Put(Blobs.Random(1 << 20));
        using var call = cluster.Bytes.BeginWrite();
        await call.SendAsync(ByteStreamCalls.UploadName(digest), 0, [1, 2, 3]);
        Assert.Equal(1 << 20, (await call.ResponseAsync).CommittedSize);
        using var compressed = cluster.Bytes.BeginWrite();
        await compressed.SendAsync(ByteStreamCalls.UploadName(digest, form: "compressed-blobs/zstd/"), 0, [1, 2, 3]);
        Assert.Equal(-1, (await compressed.ResponseAsync).CommittedSize);
    }

    [Fact]
    public async Task A_stream_without_any_message_is_refused()
    {
        await using var cluster = await RunningCluster.StartAsync();
        using var call = cluster.Bytes.BeginWrite();
        await call.RequestStream.CompleteAsync();
        await Blobs.FailsWithAsync(StatusCode.InvalidArgument, () => call.ResponseAsync);
    }

    [Theory]
    [InlineData("blobs/{0}/3", "expected")]
    [InlineData("uploads/u/blobs/md5/{0}/3", "md5")]
    [InlineData("uploads/u/compressed-blobs/brotli/{0}/3", "brotli")]
    [InlineData("uploads/u/blobs/abc/3", "abc")]
    public async Task A_name_that_cannot_be_served_is_refused_with_the_reason(string form, string reason)
    {
        await using var cluster = await RunningCluster.StartAsync();
        using var call = cluster.Bytes.BeginWrite();
        await call.SendAsync(string.Format(System.Globalization.CultureInfo.InvariantCulture, form,
            Blobs.DigestOf("abc"u8).Hash), 0, "abc"u8, finish: true);
        var error = await Blobs.FailsWithAsync(StatusCode.InvalidArgument, () => call.ResponseAsync);
        Assert.Contains(reason, error.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task NL_286_An_instance_that_is_not_configured_is_named_in_the_refusal()
    {
        await using var cluster = await RunningCluster.StartAsync(options => options with { Instances = ["main"] });
        var digest = Blobs.DigestOf("abc"u8);
        var error = await Blobs.FailsWithAsync(
            StatusCode.InvalidArgument, () => cluster.Bytes.UploadAsync(
                ByteStreamCalls.UploadName(digest, instance: "other/"), "abc"u8.ToArray()));
        Assert.Contains("instance_name 'other' is not configured", error.Status.Detail, StringComparison.Ordinal);
        Assert.Equal(3, await cluster.Bytes.UploadAsync(
            ByteStreamCalls.UploadName(digest, instance: "main/"), "abc"u8.ToArray()));
    }
}
