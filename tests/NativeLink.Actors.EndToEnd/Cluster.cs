using System.Net;
using System.Net.Sockets;

namespace NativeLink.Actors.EndToEnd;

/// <summary>
/// A local cluster and workers as processes of their own,
/// with their data in a directory that goes with the test.
/// </summary>
internal sealed class Cluster : IAsyncDisposable
{
    private static readonly TimeSpan StartUp = TimeSpan.FromSeconds(30);
    private readonly TempDirectory _home = new();
    private readonly List<RunningProgram> _programs = [];
    private readonly int _clientPort = FreePort();
    private readonly int _workerPort = FreePort();

    private Cluster()
    {
    }

    public string Home => _home.Path;

    /// <summary>Where clients go.</summary>
    public Uri Address => new($"http://127.0.0.1:{_clientPort}");

    /// <summary>Where workers go.</summary>
    public Uri WorkerApiAddress => new($"http://127.0.0.1:{_workerPort}");

    public string Endpoint => $"grpc://127.0.0.1:{_clientPort}";

    /// <summary>The published binary that run.sh names, else the one beside the tests.</summary>
    private static string Binary => Environment.GetEnvironmentVariable("NLA_BINARY")
        ?? Path.Combine(AppContext.BaseDirectory, "nativelink-actors");

    public static async Task<Cluster> Start(int workersInProcess)
    {
        var cluster = new Cluster();
        var server = RunningProgram.Start(Binary,
        [
            "local", "--listen", $"127.0.0.1:{cluster._clientPort}", "--worker-api-listen",
            $"127.0.0.1:{cluster._workerPort}",
            "--workers", $"{workersInProcess}", "--data", Path.Combine(cluster.Home, "data"),
        ]);
        cluster._programs.Add(server);
        await server.Says("--remote_executor=", StartUp);
        return cluster;
    }

    /// <summary>
    /// Writes the flat form of NativeLink's page on workers:
    /// several workers that share one store on this machine.
    /// </summary>
    public async Task<string> WriteFlatFile()
    {
        var file = Path.Combine(Home, "worker-config.json");
        await File.WriteAllTextAsync(file, $$"""
            {
              "worker_api_endpoint": { "address": "grpc://127.0.0.1:{{_workerPort}}" },
              "cas_stores": { "SHARED_LOCAL_CAS": { "fast_slow": {
                "fast": { "filesystem": { "content_path": "{{Home}}/shared/cas", "temp_path": "{{Home}}/shared/tmp", "eviction_policy": { "max_bytes": "200gb" } } },
                "slow": { "grpc": { "instance_name": "main", "endpoints": [{ "address": "grpc://127.0.0.1:{{_clientPort}}" }], "store_type": "cas" } } } } },
              "platform_properties": { "cpu_arch": "x86_64", "OSFamily": "linux" },
              "max_inflight_tasks": 1, "timeout": "1200s", "upload_timeout": "600s", "work_directory": "{{Home}}/work"
            }
            """);
        return file;
    }

    /// <summary>
    /// Starts a worker process of its own with these arguments
    /// and waits until it has said this so many times.
    /// </summary>
    public async Task<RunningProgram> StartProgram(string[] arguments, string says, int times = 1)
    {
        var program = RunningProgram.Start(Binary, arguments);
        _programs.Add(program);
        return await program.Says(says, StartUp, times);
    }

    /// <summary>
    /// Starts a worker process from a NativeLink
    /// configuration file and waits until it is registered.
    /// </summary>
    public async Task<RunningProgram> StartWorker(string name, int maxInflight = 2)
    {
        var file = Path.Combine(Home, $"{name}.json5");
        await File.WriteAllTextAsync(file, $$"""
            {
              stores: [
                { name: "CAS", grpc: { instance_name: "", endpoints: [{ address: "grpc://127.0.0.1:{{_clientPort}}" }], store_type: "cas", retry: { max_retries: 5, delay: 0.1 } } },
                { name: "AC", grpc: { instance_name: "", endpoints: [{ address: "grpc://127.0.0.1:{{_clientPort}}" }], store_type: "ac" } },
                { name: "WORKER", fast_slow: {
                    fast: { filesystem: { content_path: "{{Home}}/{{name}}/cas", temp_path: "{{Home}}/{{name}}/tmp", eviction_policy: { max_bytes: "2gb" } } },
                    fast_direction: "get",
                    slow: { ref_store: { name: "CAS" } } } },
              ],
              workers: [{ local: {
                name: "{{name}}-",
                worker_api_endpoint: { uri: "grpc://127.0.0.1:{{_workerPort}}" },
                cas_fast_slow_store: "WORKER",
                upload_action_result: { ac_store: "AC" },
                work_directory: "{{Home}}/{{name}}/work",
                max_inflight_tasks: {{maxInflight}},
                platform_properties: {},
              } }],
              servers: [],
            }
            """);
        return await StartProgram([file], "registered");
    }

    /// <summary>Its server dies, without a word to anybody.</summary>
    public async Task KillAsync()
    {
        _programs[0].Signal("KILL");
        await _programs[0].Exit(StartUp);
    }

    public static RunningProgram Run(params string[] arguments) => RunningProgram.Start(Binary, arguments);

    public async ValueTask DisposeAsync()
    {
        // workers first, so that they can say goodbye
        foreach (var program in Enumerable.Reverse(_programs))
            await program.DisposeAsync();
        _home.Dispose();
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
