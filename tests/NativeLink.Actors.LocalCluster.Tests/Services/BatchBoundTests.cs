using System.Globalization;
using Google.Protobuf;
using Grpc.Core;
using NativeLink.Actors.LocalCluster.Tests.Host;

namespace NativeLink.Actors.LocalCluster.Tests.Services;

/// <summary>
/// Batches up to what is advertised, which counts blobs and not what stands around them, and
/// answers that every client takes.
/// </summary>
public sealed class BatchBoundTests
{
    private const int ClientTakes = 4 << 20;

    [Theory]
    [InlineData(3_600, 1_090)]
    [InlineData(130_000, 30)]
    public async Task A_batch_within_the_advertised_limit_is_taken_whatever_stands_around_its_blobs(int count, int size)
    {
        await using var cluster = await RunningCluster.StartAsync();
        // The same one each time: what counts is the message.
        var blob = Blobs.Random(size);
        var request = new Reapi.BatchUpdateBlobsRequest.Types.Request
        {
            Digest = Wire(blob),
            Data = ByteString.CopyFrom(blob),
        };
        var update = new Reapi.BatchUpdateBlobsRequest { Requests = { Enumerable.Repeat(request, count) } };
        Assert.InRange(update.Requests.Sum(entry => entry.Data.Length), 0, 4_000_000 - 65_536);
        Assert.InRange(update.CalculateSize(), ClientTakes + 1, 20 << 20);
        var stored = await cluster.Cas.BatchUpdateBlobsAsync(update);
        Assert.Equal((count, 0), (stored.Responses.Count, stored.Responses.Max(response => response.Status.Code)));
    }

    [Fact]
    public async Task An_answer_stays_below_4_MiB_and_what_did_not_fit_comes_when_it_is_asked_again()
    {
        await using var cluster = await RunningCluster.StartAsync();
        var open = Distinct(6_000, 640).Select(blob => cluster.Put(blob).ToWire()).ToHashSet();
        var calls = 0;
        for (; open.Count > 0; calls++)
        {
            var read = await cluster.Cas.BatchReadBlobsAsync(new() { Digests = { open } });
            Assert.InRange(read.CalculateSize(), 1, ClientTakes);
            Assert.Equal(open.Count, read.Responses.Count);
            var came = read.Responses.Where(response => response.Status.Code == 0).ToList();
            Assert.NotEmpty(came);
            Assert.All(came, response => Assert.Equal(640, response.Data.Length));
            Assert.All(read.Responses.Where(response => response.Status.Code != 0),
                response => Assert.Equal((int)StatusCode.ResourceExhausted, response.Status.Code));
            open.ExceptWith(came.Select(response => response.Digest));
        }
        Assert.Equal(2, calls);
    }

    [Fact]
    public async Task An_answer_about_30_000_missing_blobs_stays_below_4_MiB()
    {
        await using var cluster = await RunningCluster.StartAsync();
        var read = await cluster.Cas.BatchReadBlobsAsync(new() { Digests = { Distinct(30_000, 10).Select(Wire) } });
        Assert.InRange(read.CalculateSize(), 1, ClientTakes);
        Assert.All(read.Responses, response => Assert.Equal((int)StatusCode.NotFound, response.Status.Code));
    }

    [Fact]
    public async Task FindMissingBlobs_takes_100_000_digests_and_answers_as_many()
    {
        await using var cluster = await RunningCluster.StartAsync();
        var digests = Distinct(100_000, 10).Select(Wire).ToList();
        var answer = await cluster.Cas.FindMissingBlobsAsync(new() { BlobDigests = { digests } });
        Assert.Equal(digests, answer.MissingBlobDigests);
    }

    [Fact]
    public async Task One_bad_entry_fails_alone_in_updates_and_reads()
    {
        await using var cluster = await RunningCluster.StartAsync();
        var (good, bad) = (Blobs.Random(10, 1), Blobs.Random(10, 2));
        var malformed = new Reapi.Digest { Hash = "BAD_HASH", SizeBytes = 10 };
        var stored = await cluster.Cas.BatchUpdateBlobsAsync(new()
        {
            Requests =
            {
                new Reapi.BatchUpdateBlobsRequest.Types.Request
                {
                    Digest = Wire(bad),
                    Data = ByteString.CopyFrom(bad, 0, 5),
                },
                new Reapi.BatchUpdateBlobsRequest.Types.Request { Digest = malformed, Data = ByteString.CopyFrom(bad) },
                new Reapi.BatchUpdateBlobsRequest.Types.Request { Data = ByteString.CopyFrom(bad) },
                new Reapi.BatchUpdateBlobsRequest.Types.Request
                {
                    Digest = Wire(good),
                    Data = ByteString.CopyFrom(good),
                },
            },
        });
        Assert.Equal([3, 3, 3, 0], stored.Responses.Select(response => response.Status.Code));
        Assert.Equal([Wire(bad), malformed, null, Wire(good)], stored.Responses.Select(response => response.Digest));
        var read = await cluster.Cas.BatchReadBlobsAsync(new() { Digests = { malformed, Wire(good), Wire(bad) } });
        Assert.Equal([3, 0, 5], read.Responses.Select(response => response.Status.Code));
    }

    private static Reapi.Digest Wire(byte[] content) => Blobs.DigestOf(content).ToWire();

    private static List<byte[]> Distinct(int count, int size) => [.. Enumerable.Range(0, count).Select(i =>
    {
        var blob = new byte[size];
        System.Text.Encoding.ASCII.GetBytes(i.ToString(CultureInfo.InvariantCulture), blob);
        return blob;
    })];
}
