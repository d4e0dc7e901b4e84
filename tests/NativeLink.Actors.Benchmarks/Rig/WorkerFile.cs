namespace NativeLink.Actors.Benchmarks.Rig;

/// <summary>A worker's configuration file, in NativeLink's format, with everything in one directory.</summary>
internal static class WorkerFile
{
    public static string Write(BenchContext context, string workerApi, string cas, int inflight = 8)
    {
        var directory = context.NewDirectory("worker");
        var path = Path.Combine(directory, "worker.json5");
        File.WriteAllText(path, $$"""
            {
              stores: [
                { name: "CAS", grpc: { endpoints: [{ address: "grpc://{{cas}}" }], store_type: "cas" } },
                { name: "AC", grpc: { endpoints: [{ address: "grpc://{{cas}}" }], store_type: "ac" } },
                { name: "STORE", fast_slow: {
                    fast: { filesystem: { content_path: "{{directory}}/cas", temp_path: "{{directory}}/cas-temp", eviction_policy: { max_bytes: "20gb" } } },
                    slow: { ref_store: { name: "CAS" } } } },
              ],
              workers: [ { local: {
                name: "bench-",
                worker_api_endpoint: { uri: "grpc://{{workerApi}}" },
                cas_fast_slow_store: "STORE",
                upload_action_result: { ac_store: "AC" },
                work_directory: "{{directory}}/work",
                max_inflight_tasks: {{inflight}},
                platform_properties: {},
              } } ],
              servers: [],
            }
            """);
        return path;
    }
}
