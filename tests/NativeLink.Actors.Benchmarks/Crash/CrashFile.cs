namespace NativeLink.Actors.Benchmarks.Crash;

/// <summary>
/// The configuration file of a <c>local</c> in the crash rounds: stores so small that they evict,
/// and that a check of all they hold stays short however many rounds there are.
/// </summary>
internal static class CrashFile
{
    /// <summary>Several times what a round needs at once.</summary>
    public const string StoreBytes = "48mb";

    public static string WriteLocal(string data, string storeBytes = StoreBytes)
    {
        var path = Path.Combine(data, "local.json5");
        File.WriteAllText(path, $$"""
            {
              stores: [
                { name: "CAS", filesystem: { content_path: "{{data}}/cas", temp_path: "{{data}}/cas-temp", eviction_policy: { max_bytes: "{{storeBytes}}" } } },
                { name: "AC", filesystem: { content_path: "{{data}}/ac", temp_path: "{{data}}/ac-temp", eviction_policy: { max_bytes: "16mb" } } },
              ],
              schedulers: [ { name: "MAIN", simple: {} } ],
              servers: [
                { listener: { http: { socket_address: "127.0.0.1:0" } },
                  services: { cas: [{ cas_store: "CAS" }], ac: [{ ac_store: "AC" }], execution: [{ cas_store: "CAS", scheduler: "MAIN" }],
                              capabilities: [{ remote_execution: { scheduler: "MAIN" } }], bytestream: [{ cas_store: "CAS" }] } },
                { listener: { http: { socket_address: "127.0.0.1:0" } }, services: { worker_api: { scheduler: "MAIN" } } },
              ],
            }
            """);
        return path;
    }
}
