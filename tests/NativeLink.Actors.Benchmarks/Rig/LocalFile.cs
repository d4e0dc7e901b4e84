namespace NativeLink.Actors.Benchmarks.Rig;

/// <summary>A configuration file of a <c>local</c> whose stores have bounds of their own.</summary>
internal static class LocalFile
{
    /// <param name="file">Where it is written.</param>
    /// <param name="data">Everything that the stores keep is below it.</param>
    /// <param name="cas">What stands in the braces of the CAS's <c>eviction_policy</c>.</param>
    /// <param name="results">Of the action cache's.</param>
    /// <param name="scheduler">Of <c>simple</c>.</param>
    /// <returns>The file.</returns>
    public static string Write(
        string file, string data, string cas, string results = "max_bytes: \"16mb\"", string scheduler = "")
    {
        File.WriteAllText(file, $$"""
            {
              stores: [
                { name: "CAS", filesystem: {
                    content_path: "{{data}}/cas", temp_path: "{{data}}/cas-temp", eviction_policy: { {{cas}} } } },
                { name: "AC", filesystem: {
                    content_path: "{{data}}/ac", temp_path: "{{data}}/ac-temp", eviction_policy: { {{results}} } } },
              ],
              schedulers: [ { name: "MAIN", simple: { {{scheduler}} } } ],
              servers: [
                { listener: { http: { socket_address: "127.0.0.1:0" } }, services: {
                    cas: [{ cas_store: "CAS" }], ac: [{ ac_store: "AC" }], bytestream: [{ cas_store: "CAS" }],
                    execution: [{ cas_store: "CAS", scheduler: "MAIN" }],
                    capabilities: [{ remote_execution: { scheduler: "MAIN" } }] } },
                { listener: { http: { socket_address: "127.0.0.1:0" } }, services: {
                    worker_api: { scheduler: "MAIN" } } },
              ],
            }
            """);
        return file;
    }
}
