using System.Net;
using Microsoft.Extensions.Logging.Abstractions;

namespace NativeLink.Actors.LocalCluster.Tests.Host;

public sealed class LocalClusterHostTests
{
    [Fact]
    public async Task An_address_in_use_is_a_fault_that_names_it()
    {
        await using var first = await RunningCluster.StartAsync();
        var directory = Directory.CreateTempSubdirectory("local-cluster-").FullName;
        try
        {
            var options = RunningCluster.OptionsFor(directory) with { Listen = first.Server.ClientAddress };
            var error = await Assert.ThrowsAsync<FaultException>(() => LocalClusterHost.StartAsync(options, NullLoggerFactory.Instance, TimeProvider.System));
            Assert.Contains(first.Server.ClientAddress.ToString(), error.Message, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public async Task A_store_path_that_is_a_file_is_a_fault_that_names_it()
    {
        var file = Path.GetTempFileName();
        try
        {
            var options = RunningCluster.OptionsFor(file);
            var error = await Assert.ThrowsAsync<FaultException>(() => LocalClusterHost.StartAsync(options, NullLoggerFactory.Instance, TimeProvider.System));
            Assert.Contains(file, error.Message, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task NL_355_A_plain_http_client_gets_Ok_from_status_and_not_found_elsewhere()
    {
        await using var cluster = await RunningCluster.StartAsync();
        using var client = new HttpClient();
        foreach (var address in new[] { cluster.Server.ClientAddress, cluster.Server.WorkerApiAddress })
        {
            Assert.Equal("Ok", await client.GetStringAsync(new Uri($"http://{address}/status")));
            using var other = await client.GetAsync(new Uri($"http://{address}/other"));
            Assert.Equal(HttpStatusCode.NotFound, other.StatusCode);
        }
    }

    [Fact]
    public async Task Clients_and_workers_have_addresses_of_their_own_and_one_may_serve_both()
    {
        await using var cluster = await RunningCluster.StartAsync();
        Assert.NotEqual(cluster.Server.ClientAddress, cluster.Server.WorkerApiAddress);
        Assert.NotEqual(0, cluster.Server.WorkerApiAddress.Port);
        var free = cluster.Server.ClientAddress;
        await cluster.Server.DisposeAsync();
        await using var both = await RunningCluster.StartAsync(options => options with { Listen = free, WorkerApiListen = free });
        Assert.Equal((free, free), (both.Server.ClientAddress, both.Server.WorkerApiAddress));
    }

    [Fact]
    public async Task Disposing_twice_and_with_calls_under_way_ends_soon()
    {
        var cluster = await RunningCluster.StartAsync();
        using var call = cluster.Bytes.Write();
        await call.RequestStream.WriteAsync(new() { ResourceName = "uploads/u/blobs/" + Blobs.DigestOf("abc"u8), Data = Google.Protobuf.ByteString.CopyFromUtf8("a") });
        await cluster.Server.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(15));
        await Assert.ThrowsAnyAsync<Exception>(() => call.ResponseAsync.WaitAsync(TimeSpan.FromSeconds(15)));
        await cluster.DisposeAsync();
    }
}
