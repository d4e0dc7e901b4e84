using Grpc.Net.Client;
using NativeLink.Actors.Benchmarks.Floors;
using NativeLink.Actors.Benchmarks.Reporting;
using NativeLink.Actors.Benchmarks.Rig;
using NativeLink.Actors.Protocol;

namespace NativeLink.Actors.Benchmarks.Targets;

/// <summary>
/// T6: a blob of 1 GiB: downloaded, verified and stored;
/// hashed and uploaded; each against the bare gRPC stream.
/// </summary>
internal static class BigBlob
{
    private const long GiB = 1L << 30;
    private const int Part = 64 << 20;

    public static async Task<IReadOnlyList<Finding>> MeasureAsync(BenchContext context)
    {
        var findings = new List<Finding>();
        var memory = await context.VolumeAsync("tmpfs");
        await using var bare = await ServerProcess.StartBareStreamAsync();
        using var channel = BareStream.Connect(bare.Client);
        foreach (var volume in await context.VolumesAsync())
        {
            // Each in directories that go away: the CAS is in memory, of which there is not plenty.
            findings.Add(await WithAsync(context, volume, memory,
                (worker, client) => DownloadAsync(context, volume, channel, worker, client)));
            findings.Add(await WithAsync(context, volume, memory,
                (worker, client) => UploadAsync(context, volume, channel, worker, client)));
        }
        return findings;
    }

    /// <summary>GB/s of a download and of an upload on one file system, each beside the bare stream.</summary>
    public static async Task<(double Download, double DownloadFloor, double Upload, double UploadFloor)> SampleAsync(
        BenchContext context)
    {
        var (volume, memory) = (await context.VolumeAsync("ext4"), await context.VolumeAsync("tmpfs"));
        await using var bare = await ServerProcess.StartBareStreamAsync();
        using var channel = BareStream.Connect(bare.Client);
        var (floors, ours) = await WithAsync(context, volume, memory,
            (worker, client) => DownloadsAsync(context, channel, worker, client));
        var (upFloors, ups) = await WithAsync(context, volume, memory,
            (worker, client) => UploadsAsync(context, channel, worker, client));
        return (ours.Median, floors.Median, ups.Median, upFloors.Median);
    }

    /// <summary>An action whose output, <c>o</c>, is 1 GiB long and unlike any other's.</summary>
    public static Digest AddMaker(BlobSet blobs, string salt)
    {
        var part = new byte[Part];
        new Random(7).NextBytes(part);
        var node = new Reapi.FileNode
        {
            Name = "part",
            Digest = blobs.Add(Google.Protobuf.UnsafeByteOperations.UnsafeWrap(part)).ToWire(),
        };
        var script = $"{{ echo {salt}; cat {string.Join(' ', Enumerable.Repeat("part", (int)(GiB / Part)))}; }} >o";
        return blobs.Add(["/bin/sh", "-c", script], new Reapi.Directory { Files = { node } }, ["o"]);
    }

    private static async Task<T> WithAsync<T>(
        BenchContext context, Volume volume, Volume memory, Func<CasWorker, LoadClient, Task<T>> measure)
    {
        var (data, work) = (memory.NewDirectory("t6-cas"), volume.NewDirectory("t6-worker"));
        T finding;
        await using (var cas = await ServerProcess.StartLocalIn(data, context, "--workers", "0"))
        await using (var worker = await CasWorker.StartAsync(context, work, cas.Client))
        {
            using var client = new LoadClient(cas.Client);
            await worker.WarmUpAsync(client);
            finding = await measure(worker, client);
        }
        Directory.Delete(data, recursive: true);
        Directory.Delete(work, recursive: true);
        return finding;
    }

    private static async Task<Finding> DownloadAsync(
        BenchContext context, Volume volume, GrpcChannel channel, CasWorker worker, LoadClient client)
    {
        var (floors, ours) = await DownloadsAsync(context, channel, worker, client);
        return Finding.OfFloor($"1 GiB downloaded, verified, stored, {volume.Name}", ours.Median, floors.Median, 0.6,
            "GB/s", $"{ours}; bare stream {floors}", least: true);
    }

    private static async Task<(Sample Floors, Sample Ours)> DownloadsAsync(
        BenchContext context, GrpcChannel channel, CasWorker worker, LoadClient client)
    {
        var (floors, ours) = (new Sample(), new Sample());
        for (var pass = 0; pass < (context.Quick ? 2 : 4); pass++)
        {
            var big = await client.WriteBigAsync(GiB, (byte)(pass + 1));
            var action = client.Blobs.Add(["/bin/true"], new Reapi.Directory
            {
                Files = { new Reapi.FileNode { Name = "big", Digest = big.ToWire() } },
            });
            await client.UploadAsync();
            floors.Add(Rate(await BareStream.DownloadAsync(channel, GiB)));
            var (_, result) = await worker.RunAsync(action);
            ours.Add(Rate(TimeSpan.FromMilliseconds(Stages.Of(result).Fetch)));
        }
        return (floors, ours);
    }

    private static async Task<Finding> UploadAsync(
        BenchContext context, Volume volume, GrpcChannel channel, CasWorker worker, LoadClient client)
    {
        var (floors, ours) = await UploadsAsync(context, channel, worker, client);
        return Finding.OfFloor($"1 GiB hashed and uploaded, {volume.Name}", ours.Median, floors.Median, 0.8, "GB/s",
            $"{ours}; bare stream {floors}", least: true);
    }

    private static async Task<(Sample Floors, Sample Ours)> UploadsAsync(
        BenchContext context, GrpcChannel channel, CasWorker worker, LoadClient client)
    {
        var (floors, ours) = (new Sample(), new Sample());
        for (var pass = 0; pass < (context.Quick ? 2 : 4); pass++)
        {
            var action = AddMaker(client.Blobs, $"t6-{pass}");
            await client.UploadAsync();
            floors.Add(Rate(await BareStream.UploadAsync(channel, GiB)));
            var (_, result) = await worker.RunAsync(action);
            ours.Add(Rate(TimeSpan.FromMilliseconds(Stages.Of(result).Upload)));
        }
        return (floors, ours);
    }

    private static double Rate(TimeSpan took) => GiB / 1e9 / took.TotalSeconds;
}
