using System.Globalization;
using System.Net;
using System.Net.Sockets;
using NativeLink.Actors.Cli.Tests.Rig;

namespace NativeLink.Actors.Cli.Tests.Commands;

/// <summary>A worker and a cluster, two real processes; the cluster is killed while an action runs.</summary>
public sealed class OnDisconnectTests : IDisposable
{
    private readonly TempDirectory _directory = new();
    private readonly int[] _ports = [FreePort(), FreePort()];

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task An_action_outlives_the_cluster_and_answers_the_client_that_asks_again()
    {
        var (runs, gate) = (_directory.At("runs"), _directory.At("gate"));
        string[] exec =
        [
            "exec", "--executor", $"127.0.0.1:{Port(0)}", "--env", "PATH=/usr/bin:/bin", "--", "/bin/sh", "-c",
            $"echo run >> {runs}; while [ ! -e {gate} ]; do sleep 0.05; done; echo done",
        ];
        var file = _directory.Write("worker.json5", Configs.Worker(
            _directory.At("worker"), $"127.0.0.1:{Port(1)}", $"127.0.0.1:{Port(0)}"));
        var cluster = await StartClusterAsync();
        await using var worker = Rig.Program.Start(file, "--on-disconnect", "finish", "--status-listen", "off");
        await using (var first = Rig.Program.Start(exec))
        {
            await ProcessWatch.AppearedAsync(runs);
            cluster.Signal("KILL");
            await cluster.DisposeAsync();
            await worker.WaitForAsync("1 running operations run on");
            Assert.NotEqual(0, await first.ExitCodeAsync());
        }

        await using var again = await StartClusterAsync();
        var second = Rig.Program.RunAsync(exec);
        await worker.WaitForAsync("adopted");
        await File.WriteAllTextAsync(gate, "");
        var (code, output, _) = await second;
        Assert.Equal((0, "done\n"), (code, output));
        Assert.Equal("run\n", await File.ReadAllTextAsync(runs));
        worker.Signal("TERM");
        Assert.Equal(0, await worker.ExitCodeAsync());
    }

    private async Task<Rig.Program> StartClusterAsync()
    {
        var cluster = Rig.Program.Start("local", "--workers", "0", "--data", _directory.At("data"), "--listen",
            $"127.0.0.1:{Port(0)}", "--worker-api-listen", $"127.0.0.1:{Port(1)}", "--status-listen", "off");
        await cluster.WaitForAsync("--remote_executor=");
        return cluster;
    }

    private string Port(int index) => _ports[index].ToString(CultureInfo.InvariantCulture);

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
