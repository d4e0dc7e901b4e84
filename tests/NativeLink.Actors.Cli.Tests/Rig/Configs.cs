namespace NativeLink.Actors.Cli.Tests.Rig;

/// <summary>Configuration files of workers, in NativeLink's format.</summary>
internal static class Configs
{
    /// <param name="local">Added to the worker's block.</param>
    public static string Worker(string directory, string workerApi, string cas, string local = "") => $$"""
        {
          stores: [
            { name: "CAS", grpc: { endpoints: [{ address: "grpc://{{cas}}" }], store_type: "cas" } },
            { name: "AC", grpc: { endpoints: [{ address: "grpc://{{cas}}" }], store_type: "ac" } },
            { name: "STORE", fast_slow: {
                fast: { filesystem: { content_path: "{{directory}}/store/cas", temp_path: "{{directory}}/store/temp", eviction_policy: { max_bytes: "1gb" } } },
                slow: { ref_store: { name: "CAS" } } } },
          ],
          workers: [ { local: {
            name: "test-",
            worker_api_endpoint: { uri: "grpc://{{workerApi}}" },
            cas_fast_slow_store: "STORE",
            upload_action_result: { ac_store: "AC" },
            work_directory: "{{directory}}/work",
            max_inflight_tasks: 2,
            platform_properties: {},
            {{local}}
          } } ],
          servers: [],
        }
        """;
}
