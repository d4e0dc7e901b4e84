using Microsoft.Extensions.Time.Testing;

namespace NativeLink.Actors.LocalCluster.Tests.Host;

public class StoreSamplingTests
{
    [Fact]
    public async Task The_clusters_store_is_checked_while_it_runs_and_a_corrupt_blob_is_missing_afterwards()
    {
        var time = new FakeTimeProvider(RunningCluster.Start);
        await using var cluster = await RunningCluster.StartAsync(time: time);
        var digest = cluster.Put("sound"u8);
        var path = Path.Combine(cluster.DataDirectory, "cas", "d", $"{digest.Hash}-{digest.SizeBytes}");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        await File.WriteAllTextAsync(path, "wrong");
        var found = new TaskCompletionSource();
        cluster.Server.Cas.Quarantined += _ => found.TrySetResult();

        time.Advance(TimeSpan.FromMinutes(1));
        await found.Task.WaitAsync(TimeSpan.FromSeconds(30));

        var asked = new Reapi.FindMissingBlobsRequest { BlobDigests = { digest.ToWire() } };
        Assert.Equal(
            digest.ToWire(), Assert.Single((await cluster.Cas.FindMissingBlobsAsync(asked)).MissingBlobDigests));
    }
}
