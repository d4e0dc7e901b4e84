namespace NativeLink.Actors.Fuzz.Making;

/// <summary>Configuration files that are nearly right: sound ones with values, keys and characters exchanged.</summary>
internal static class ConfigTexts
{
    private const string Separate = """
        // a worker of its own
        { stores: [ { name: "FAR", grpc: { instance_name: "main", endpoints: [{ address: "grpcs://cas.test:50051", tls_config: { ca_file: "/n/ca", use_native_roots: true },
                        concurrency_limit: 3, connect_timeout_s: 4, http2_keepalive_interval_s: 30 }], store_type: 'cas', retry: { max_retries: 3, delay: 0.1, jitter: 0.5, retry_on_errors: ["Unknown"] },
                        connections_per_endpoint: 2, rpc_timeout_s: "20s", headers: { a: "b" }, experimental_remote_cache_compression: true } },
                    { name: "FAR_AC", grpc: { endpoints: [{ address: "grpc://ac.test:50051" }], store_type: "ac" } },
                    { name: "NEAR", fast_slow: { fast: { filesystem: { content_path: "/n/c", temp_path: "/n/t", eviction_policy: { max_bytes: "1.5GiB", max_count: 7 }, block_size: "4Ki" } }, fast_direction: "get",
                        slow: { ref_store: { name: "FAR" } }, bypass_dedup_threshold_bytes: 0 } } ],
          workers: [ { local: { name: "w-", worker_api_endpoint: { uri: "grpc://s:1", timeout: 5.5 }, cas_fast_slow_store: "NEAR", work_directory: "/n/w", max_inflight_tasks: "${NUMBER:-3}",
                       max_action_timeout: "1m 10s", max_cleanup_backoff_ms: 20, timeout_handled_externally: false, entrypoint: "/bin/x", experimental_precondition_script: "a 'b'",
                       platform_properties: { cpu: { values: ["1", '2'] }, q: { query_cmd: "nproc" } },
                       upload_action_result: { ac_store: "FAR_AC", upload_ac_results_strategy: "success_only", success_message_template: "{action_digest_hash}" },
                       additional_environment: { a: "from_environment", b: { value: "\u0041" }, c: "side_channel_file", d: { property: "cpu" } },
                       directory_cache: { max_entries: 10, max_size_bytes: "10gb", cache_root: "/n/trees" } } } ],
          servers: [], global: { max_open_files: 0x10, default_digest_hash_function: "blake3" }, }
        """;

    private const string AllInOne = """
        { stores: [ { name: "AC", filesystem: { content_path: "/n/ac", temp_path: "/n/ac-tmp", eviction_policy: { max_bytes: "4096KiB" } } },
                    { name: "NEAR", fast_slow: { fast: { filesystem: { content_path: "/n/cas", temp_path: "/n/tmp" } }, slow: { noop: {} } } } ],
          schedulers: [ { name: "MAIN", simple: { supported_platform_properties: { cpu: "minimum", ISA: "exact", OS: "priority", x: "ignore" }, worker_timeout_s: 30, worker_match_logging_interval_s: -1 } } ],
          workers: [ { local: { worker_api_endpoint: { uri: "grpc://127.0.0.1:50061" }, cas_fast_slow_store: "NEAR", work_directory: "/n/actions", platform_properties: {},
                       upload_action_result: { ac_store: "AC" } } } ],
          servers: [ { listener: { http: { socket_address: "127.0.0.1:50051" } }, services: { cas: [{ cas_store: "NEAR" }], ac: [{ ac_store: "AC" }], bytestream: { cas_stores: { "": "NEAR" } },
                         execution: [{ cas_store: "NEAR", scheduler: "MAIN" }], capabilities: [{ remote_execution: { scheduler: "MAIN" } }] } },
                     { listener: { http: { socket_address: "127.0.0.1:50061" } }, services: { worker_api: { scheduler: "MAIN" } } } ] }
        """;

    private static readonly string[] Values =
    [
        "null", "true", "-1", "0", "1e400", "-0", "NaN", "99999999999999999999", "0x", "1.5", "\"\"", "\"x\"", "''",
        "[]", "{}", "[[]]", "{ a: 1 }", "\"$UNSET\"", "\"${\"", "\"${A:-\"", "\"$$\"", "\"1ys\"",
        "\"500ms\"", "\"99999999999999h\"", "\"-1s\"", "\"1e3GB\"", "\"999999999999TiB\"", "\"NEAR\"", "\"FAR\"",
        "\"grpc://\"", "\"http://[::1\"", "\"127.0.0.1:99999\"", "\":\"", "\"/\"", "\"../x\"", "\"\\u0000\"",
        "\"\\ud800\"", "9223372036854775807", "-9223372036854775808", "undefined", "{ ref_store: { name: 'NEAR' } }",
        "{ noop: {} }", "{ fast_slow: {} }", "function() {}",
    ];

    public static string Make(Draw draw)
    {
        if (draw.Percent(3))
            return draw.Noise(300);
        if (draw.Percent(2))
            return string.Concat(Enumerable.Repeat(draw.Pick(["[", "{a:", "{ stores: [", "//", "/*", "((", "'"]),
                draw.Pick([10, 1_000, 100_000])));
        var text = draw.Percent(50) ? Separate : AllInOne;
        for (var left = 1 + draw.Below(5); left > 0; left--)
            text = Change(text, draw);
        return text;
    }

    private static string Change(string text, Draw draw)
    {
        var tokens = Tokens(text);
        if (tokens.Count == 0)
            return text + draw.Pick(Values);
        var (at, length) = draw.Pick(tokens);
        var (other, otherLength) = draw.Pick(tokens);
        return draw.Below(7) switch
        {
            0 => Replace(text, at, length, draw.Pick(Values)),
            1 => Replace(text, at, length, text.Substring(other, otherLength)),
            2 => Replace(text, at, length, ""),
            3 => Replace(text, at, 0, $"{text.Substring(at, length)}: {draw.Pick(Values)}, "),
            4 => Replace(text, at, Math.Min(1 + draw.Below(60), text.Length - at),
                draw.Pick(["", "}", "]", "{", ",", "\uFEFF", "\0", "\u2028", "\r\n", "//", "/*"])),
            5 => Replace(text, at + length, 0, draw.Noise(4)),
            _ => Replace(text, at, 0, text.Substring(other, Math.Min(draw.Below(200), text.Length - other))),
        };
    }

    private static string Replace(string text, int at, int length, string with) =>
        string.Concat(text.AsSpan(0, at), with, text.AsSpan(at + length));

    /// <summary>Words, numbers and quoted texts.</summary>
    private static List<(int At, int Length)> Tokens(string text)
    {
        var tokens = new List<(int, int)>();
        for (var at = 0; at < text.Length; at++)
        {
            var end = at;
            while (end < text.Length && (char.IsAsciiLetterOrDigit(text[end])
                || text[end] is '_' or '"' or '\'' or '-' or '.'))
                end++;
            if (end > at)
                tokens.Add((at, end - at));
            at = end;
        }
        return tokens;
    }
}
