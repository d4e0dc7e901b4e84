namespace NativeLink.Actors.Benchmarks.Rig;

/// <summary>A worker's configuration file, in NativeLink's format, with everything in one directory.</summary>
internal static class WorkerFile
{
    /// <param name="workerApi">The scheduler, <c>host:port</c>.</param>
    /// <param name="cas">CAS and action cache, <c>host:port</c>.</param>
    public static string Write(BenchContext context, string workerApi, string cas, int inflight = 8) =>
        Write(context.NewDirectory("worker"), workerApi, cas, inflight);

    /// <param name="maxCount">How many blobs the worker's own store may hold; 0: any number.</param>
    /// <param name="retry">What stands in the braces of the stores' <c>retry</c>.</param>
    public static string Write(string directory, string workerApi, string cas, int inflight = 8,
        string maxBytes = "20gb", string retry = "", int maxCount = 0) => Write(directory, workerApi, $$"""
        { name: "CAS", grpc: {
                    endpoints: [{ address: "grpc://{{cas}}" }], store_type: "cas", retry: { {{retry}} } } },
                { name: "AC", grpc: {
                    endpoints: [{ address: "grpc://{{cas}}" }], store_type: "ac", retry: { {{retry}} } } },
        """, """upload_action_result: { ac_store: "AC" },""", inflight, maxBytes, maxCount);

    /// <summary>A worker whose own store is the CAS: no call leaves it but those to the scheduler.</summary>
    public static string WriteAlone(string directory, string workerApi, int inflight = 8) =>
        Write(directory, workerApi, """{ name: "CAS", noop: {} },""",
            """upload_action_result: { upload_ac_results_strategy: "never" },""", inflight);

    /// <summary>Where the store of such a worker keeps its blobs.</summary>
    public static (string Content, string Temp) Store(string directory) =>
        (Path.Combine(directory, "cas"), Path.Combine(directory, "cas-temp"));

    private static string Write(
        string directory, string workerApi, string stores, string results, int inflight, string maxBytes = "20gb",
        int maxCount = 0)
    {
        var path = Path.Combine(directory, "worker.json5");
        var (content, temp) = Store(directory);
        File.WriteAllText(path, $$"""
            {
              stores: [
                {{stores}}
                { name: "STORE", fast_slow: {
                    fast: { filesystem: { content_path: "{{content}}", temp_path: "{{temp}}",
                        eviction_policy: { max_bytes: "{{maxBytes}}", max_count: {{maxCount}} } } },
                    slow: { ref_store: { name: "CAS" } } } },
              ],
              workers: [ { local: {
                name: "bench-",
                worker_api_endpoint: { uri: "grpc://{{workerApi}}" },
                cas_fast_slow_store: "STORE",
                {{results}}
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
