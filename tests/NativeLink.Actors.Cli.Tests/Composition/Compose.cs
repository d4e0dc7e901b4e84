using System.Net;
using NativeLink.Actors.Cli.Composition;
using NativeLink.Actors.Configuration;
using NativeLink.Actors.Configuration.Model;
using NativeLink.Actors.LocalCluster;
using NativeLink.Actors.Worker;

namespace NativeLink.Actors.Cli.Tests.Composition;

/// <summary>Files for the tests of this room, and the way from text to plan.</summary>
internal static class Compose
{
    public const string FarStores = """
        { name: "FAR", grpc: { instance_name: "main", endpoints: [{ address: "grpc://cas.test:50051" }], store_type: "cas" } },
        { name: "FAR_AC", grpc: { instance_name: "main", endpoints: [{ address: "grpc://cas.test:50051" }], store_type: "ac" } },
        """;

    public const string Disk = """{ filesystem: { content_path: "/srv/n/cas", temp_path: "/srv/n/tmp" } }""";

    public const string Local = """
        worker_api_endpoint: { uri: "grpc://127.0.0.1:50061" }, cas_fast_slow_store: "NEAR", work_directory: "/srv/n/actions", platform_properties: {},
        """;

    /// <summary>One process that is everything: its CAS is served from the worker's own store.</summary>
    public const string AllInOne = """
        { stores: [ { name: "AC", filesystem: { content_path: "/srv/n/ac", temp_path: "/srv/n/ac-tmp", eviction_policy: { max_bytes: "4096KiB" } } },
                    { name: "NEAR", fast_slow: { fast: { filesystem: { content_path: "/srv/n/cas", temp_path: "/srv/n/tmp", eviction_policy: { max_bytes: "10gb" } } }, slow: { noop: {} } } } ],
          schedulers: [ { name: "MAIN", simple: { supported_platform_properties: { cpu_count: "minimum", ISA: "exact", OSFamily: "priority", junk: "ignore" },
                            worker_timeout_s: 30, client_action_timeout_s: 12, unacknowledged_kill_timeout_s: 10, max_job_retries: 2 } } ],
          workers: [ { local: { worker_api_endpoint: { uri: "grpc://127.0.0.1:50061" }, cas_fast_slow_store: "NEAR", work_directory: "/srv/n/actions", platform_properties: { cpu_count: { values: ["4"] } },
                       upload_action_result: { ac_store: "AC" } } } ],
          servers: [ { name: "public", listener: { http: { socket_address: "127.0.0.1:50051" } },
                       services: { cas: [{ cas_store: "NEAR" }, { instance_name: "main", cas_store: "NEAR" }], ac: [{ instance_name: "main", ac_store: "AC" }], bytestream: [{ cas_store: "NEAR", persist_stream_on_disconnect_timeout_s: 90 }],
                                   execution: [{ instance_name: "main", cas_store: "NEAR", scheduler: "MAIN" }], capabilities: [{ instance_name: "main", remote_execution: { scheduler: "MAIN" } }] } },
                     { name: "private", listener: { http: { socket_address: "127.0.0.1:50061" } }, services: { worker_api: { scheduler: "MAIN" }, admin: {}, health: {} } } ],
          global: { max_open_files: 1024 } }
        """;

    public static string WorkerFile(string slow = "{ ref_store: { name: 'FAR' } }", string fast = Disk,
        string pair = "", string local = "upload_action_result: { ac_store: 'FAR_AC' },", string stores = "",
        string top = "servers: []") =>
        $$"""{ stores: [ {{FarStores}} { name: "NEAR", fast_slow: { fast: {{fast}}, slow: {{slow}}, {{pair}} } }, {{stores}} ], workers: [ { local: { {{Local}} {{local}} } } ], {{top}} }""";

    public static NativeLinkConfig Load(string text)
    {
        var result = ConfigLoader.Load(text, "test.json5", _ => null);
        Assert.Empty(result.Errors);
        return result.Model!;
    }

    public static WorkerPlan Plan(string text, WorkerSwitches? switches = null) =>
        WorkerComposition.Compose(Load(text), switches ?? new WorkerSwitches());

    /// <summary>The only host of a plan without errors.</summary>
    public static WorkerHostOptions Host(string text, WorkerSwitches? switches = null)
    {
        var plan = Plan(text, switches);
        Assert.Empty(plan.Errors);
        return Assert.Single(plan.Hosts).Options;
    }

    public static ClusterPlan Cluster(string text, IPEndPoint? listen = null, IPEndPoint? workerApi = null) =>
        ClusterComposition.Compose(Load(text), new ClusterSwitches("/srv/data", listen, workerApi));

    public static LocalClusterOptions Options(string text)
    {
        var plan = Cluster(text);
        Assert.Empty(plan.Errors);
        return plan.Options!;
    }
}
