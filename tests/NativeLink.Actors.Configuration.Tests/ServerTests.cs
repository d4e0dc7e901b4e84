using System.Net;
using NativeLink.Actors.Configuration.Model;

namespace NativeLink.Actors.Configuration.Tests;

public sealed class ServerTests
{
    [Fact]
    public void Servers_with_all_their_services_are_read()
    {
        var server = Load.Good(Server("""
            cas: [{ instance_name: "m", cas_store: "FAR", experimental_chunking: { index_store: "FAR", avg_chunk_size_bytes: "64KiB", max_chunk_count: 5 } }],
            ac: [{ ac_store: "RESULTS", read_only: true }],
            bytestream: [{ cas_store: "FAR", max_bytes_per_stream: "64KiB", persist_stream_on_disconnect_timeout: "7s" }],
            capabilities: [{ remote_execution: { scheduler: "S" }, remote_cache_compression: true }],
            execution: [{ cas_store: "FAR", scheduler: "S" }],
            worker_api: { scheduler: "S", disable_kill_revoked_operations: true, kill_revoked_operations_interval_s: 0 },
            fetch: [{ fetch_store: "FAR" }], push: [{ push_store: "FAR", read_only: false }], experimental_bep: { store: "FAR" }, admin: { path: "/a" }, health: { timeout_seconds: 3 },
            """, listener: """
            freebind: true, compression: { send_compression_algorithm: "gzip", accepted_compression_algorithms: ["gzip"] }, max_decoding_message_size: "8MiB",
            advanced_http: { http2_keep_alive_interval: 10, experimental_http2_max_frame_size: 5 }, tls: { cert_file: "/c", key_file: "/k", client_ca_file: "/ca", client_crl_file: "/crl" },
            """)).Servers.Single();
        var services = server.Services;
        Assert.Equal((IPEndPoint.Parse("127.0.0.1:50051"), true, 8L << 20),
            (server.Address, server.HasTls, server.MaxDecodingMessageSize));
        Assert.Equal(("m", "FAR"), (services.Cas[0].InstanceName, services.Cas[0].Store));
        Assert.True(services.ActionCache[0].ReadOnly);
        Assert.Equal(7, services.ByteStream[0].PersistTimeout.TotalSeconds);
        Assert.Equal(
            ("S", true), (services.Capabilities[0].Scheduler, services.Capabilities[0].RemoteCacheCompression));
        Assert.Equal(("FAR", "S"), (services.Execution[0].CasStore, services.Execution[0].Scheduler));
        Assert.Equal(("S", false, 5), (services.WorkerApi!.Scheduler, services.WorkerApi.KillRevoked,
            services.WorkerApi.KillRevokedInterval.TotalSeconds));
        Assert.Equal(["fetch", "push", "experimental_bep", "admin", "health"], services.Others.AsEnumerable());
    }

    [Fact]
    public void NL_367_The_old_form_of_bytestream_means_the_same_as_the_list()
    {
        var old = Load.Text(
            Server(
                "bytestream: { cas_stores: { main: 'FAR', '': 'NEAR' }, max_bytes_per_stream: 1024, " +
                "persist_stream_on_disconnect_timeout_s: 9, max_decoding_message_size: 7 }"));
        var today = Load.Good(
            Server(
                "bytestream: [{ instance_name: 'main', cas_store: 'FAR', persist_stream_on_disconnect_timeout_s: " +
                "9 }, { cas_store: 'NEAR', persist_stream_on_disconnect_timeout_s: 9 }]"));
        Assert.Equal(Streams(today), Streams(old.Model!));
        Assert.Contains(old.Notes, note => note.Path == "servers[0].services.bytestream"
            && note.Message.Contains("old form", StringComparison.Ordinal));

        static IEnumerable<StoreServiceConfig> Streams(NativeLinkConfig config) =>
            config.Servers[0].Services.ByteStream.Select(stream => stream with { At = ConfigPlace.WholeFile });
    }

    [Theory]
    [InlineData("cas: { main: { cas_store: 'FAR' } }")]
    [InlineData("ac: { main: { ac_store: 'RESULTS' } }")]
    [InlineData("execution: { main: { cas_store: 'FAR', scheduler: 'S' } }")]
    [InlineData("capabilities: { main: { remote_execution: { scheduler: 'S' } } }")]
    public void NL_367_Maps_by_instance_name_are_read_with_a_note(string service)
    {
        var result = Load.Text(Server(service));
        var services = result.Model!.Servers[0].Services;
        Assert.Equal("main", services.Cas.Concat(services.ActionCache).Select(store => store.InstanceName)
            .Concat(services.Execution.Select(execution => execution.InstanceName))
            .Concat(services.Capabilities.Select(capabilities => capabilities.InstanceName)).Single());
        Assert.Contains("old form", Assert.Single(result.Notes).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void NL_368_A_CAS_and_an_action_cache_of_one_instance_cannot_share_a_store()
    {
        Load.Refuses(Server("cas: [{ cas_store: 'FAR' }], ac: [{ ac_store: 'FAR' }]"), "servers[0].services.ac[0]",
            "use the same store 'FAR'");
        Assert.Single(Load.Good(
            Server("cas: [{ cas_store: 'FAR' }], ac: [{ instance_name: 'other', ac_store: 'FAR' }]")).Servers);
    }

    [Theory]
    [InlineData("cas: [{ cas_stor: 'FAR' }]", "", null, "did you mean 'cas_store'")]
    [InlineData("cass: []", "", "servers[0].services.cass", "did you mean 'cas'")]
    [InlineData("cas: 'FAR'", "", "servers[0].services.cas", "a list in square brackets")]
    [InlineData("worker_api: {}", "", "servers[0].services.worker_api", "'scheduler' is missing")]
    [InlineData("", "freebnd: true", "servers[0].listener.http.freebnd", "did you mean 'freebind'")]
    [InlineData("", "tls: { cert_file: '/c' }", "servers[0].listener.http.tls", "'key_file' is missing")]
    [InlineData("", "advanced_http: { http3: 1 }", "servers[0].listener.http.advanced_http.http3", "not a key of")]
    public void A_mistake_in_a_server_is_refused_where_it_is(
        string services, string listener, string? path, string says)
    {
        var errors = Load.Text(Server(services, listener)).Errors;
        Assert.Contains(errors, error => error.Message.Contains(says, StringComparison.Ordinal)
            && error.Path == (path ?? error.Path) && error.Line > 0);
    }

    [Theory]
    [InlineData("localhost:50051")]
    [InlineData("127.0.0.1")]
    [InlineData("50051")]
    [InlineData("::1")]
    [InlineData("127.0.0.1:70000")]
    [InlineData("127.0.0.1:")]
    public void An_address_to_listen_on_is_an_IP_and_a_port(string address) =>
        Load.Refuses(Load.WorkerFile(top: $"servers: [{{ listener: {{ http: {{ socket_address: '{address}' }} }} }}]"),
            "servers[0].listener.http.socket_address", "write IP and port");

    [Theory]
    [InlineData("[::1]:50051")]
    [InlineData("0.0.0.0:0")]
    public void Addresses_of_both_families_are_read(string address) =>
        Assert.Equal(IPEndPoint.Parse(address), Load.Good(Load.WorkerFile(
            top: $"servers: [{{ listener: {{ http: {{ socket_address: '{address}' }} }} }}]")).Servers[0].Address);

    [Fact]
    public void Services_that_name_what_is_not_there_are_noted_and_a_file_without_worker_says_so()
    {
        var result = Load.Text(
            "{ stores: [], servers: [{ listener: { http: { socket_address: '0.0.0.0:1' } }, services: { cas: " +
            "[{ cas_store: 'A' }], execution: [{ cas_store: 'A', scheduler: 'S' }] } }] }");
        Assert.Empty(result.Errors);
        Assert.Equal(
            3, result.Notes.Count(note => note.Message.Contains("cannot be started", StringComparison.Ordinal)));
        Assert.Contains(result.Notes, note => note.Message.Contains("has no worker", StringComparison.Ordinal));
    }

    [Fact]
    public void Schedulers_of_every_kind_are_read()
    {
        var config = Load.Good(Load.WorkerFile(top: """
            servers: [], schedulers: [
              { name: "S", simple: { supported_platform_properties: { cpu: "minimum", os: "exact", image: "priority", junk: "ignore" }, retain_completed_for_s: 1, client_action_timeout_s: 2, worker_timeout_s: 3,
                  max_action_executing_timeout_s: 4, unacknowledged_kill_timeout_s: 5, max_job_retries: 6, allocation_strategy: "most_recently_used", experimental_backend: "memory",
                  worker_match_logging_interval_s: -1, fallback_match_interval_s: -1 } },
              { name: "D", simple: { worker_timeout_s: 0, max_job_retries: 0, experimental_backend: { redis: { redis_store: "R" } } } },
              { name: "G", grpc: { endpoint: { address: "grpc://s:1" }, retry: { max_retries: 1 }, max_concurrent_requests: 1, connections_per_endpoint: 1 } },
              { name: "W", cache_lookup: { ac_store: "RESULTS", scheduler: { property_modifier: { modifications: [{ add: { name: "a", value: "b" } }, { remove: "c" }, { replace: { name: "d", new_name: "e" } }],
                  scheduler: { historical_resource: { hints_file: "/h", refresh_interval_s: 30, cpu_property_name: "c", memory_property_name: "m", scheduler: { simple: {} } } } } } } },
            ]
            """));
        var simple = Assert.IsType<SimpleScheduler>(config.FindScheduler("S")!.Scheduler);
        Assert.Equal(
            (1, 2, 3, 4, 5, 6, true), (simple.RetainCompletedFor.TotalSeconds,
                simple.ClientActionTimeout!.Value.TotalSeconds, simple.WorkerTimeout.TotalSeconds,
                simple.MaxActionExecutingTimeout.TotalSeconds,
            simple.UnacknowledgedKillTimeout.TotalSeconds, simple.MaxJobRetries, simple.MostRecentlyUsedFirst));
        Assert.Equal((PropertyMatch.Minimum, PropertyMatch.Ignore),
            (simple.SupportedProperties["cpu"], simple.SupportedProperties["junk"]));
        var defaults = Assert.IsType<SimpleScheduler>(config.FindScheduler("D")!.Scheduler);
        Assert.Equal((5, 3, "R", null), (defaults.WorkerTimeout.TotalSeconds, defaults.MaxJobRetries,
            defaults.RedisStore, defaults.ClientActionTimeout));
        Assert.Equal("s", Assert.IsType<GrpcScheduler>(config.FindScheduler("G")!.Scheduler).Endpoint.Uri.Host);
        Assert.Equal("RESULTS", Assert.IsType<WrapperScheduler>(config.FindScheduler("W")!.Scheduler).AcStore);
    }

    [Theory]
    [InlineData("simple: { worker_timeout: 3 }", "schedulers[0].simple.worker_timeout",
        "did you mean 'worker_timeout_s'")]
    [InlineData("simple: { supported_platform_properties: { a: 'exactly' } }",
        "schedulers[0].simple.supported_platform_properties.a", "did you mean 'exact'")]
    [InlineData("simpel: {}", "schedulers[0].simpel", "did you mean 'simple'")]
    [InlineData("cache_lookup: { ac_store: 'RESULTS' }", "schedulers[0].cache_lookup", "'scheduler' is missing")]
    public void A_mistake_in_a_scheduler_is_refused_where_it_is(string scheduler, string path, string says) =>
        Load.Refuses(Load.WorkerFile(top: $"servers: [], schedulers: [{{ name: 'S', {scheduler} }}]"), path, says);

    [Fact]
    public void The_global_block_is_read_and_wants_its_one_required_key()
    {
        var global = Load.Good(
            Load.WorkerFile(
                top: "servers: [], global: { max_open_files: 0, default_digest_hash_function: 'blake3', " +
                    "default_digest_size_health_check: '2MiB' }")).Global!;
        Assert.Equal((24576, HashFunction.Blake3, 2 << 20),
            (global.MaxOpenFiles, global.DefaultHashFunction, global.HealthCheckSize));
        Load.Refuses(Load.WorkerFile(top: "servers: [], global: {}"), "global", "'max_open_files' is missing");
    }

    private static string Server(string services, string listener = "") => Load.WorkerFile(top: $$"""
        schedulers: [{ name: "S", simple: {} }],
        servers: [{ name: "public", listener: { http: { socket_address: "127.0.0.1:50051", {{listener}} } }, services: { {{services}} } }]
        """);
}
