using NativeLink.Actors.Configuration.Model;

namespace NativeLink.Actors.Configuration.Tests;

public sealed class StoreTests
{
    [Fact]
    public void Every_kind_of_store_is_read_with_all_its_keys()
    {
        var config = Load.Good("""
            { servers: [], stores: [
              { name: "fs", filesystem: { content_path: "/n/c", temp_path: "/n/t", read_buffer_size: "32KiB", block_size: 512, max_concurrent_writes: 4, evict_page_cache: true,
                  eviction_policy: { max_bytes: "2gb", evict_bytes: "1gb", max_seconds: "1h", max_count: 9 } } },
              { name: "pair", fast_slow: { fast: { ref_store: { name: "fs" } }, fast_direction: "get", slow: { noop: {} }, slow_direction: "update", bypass_dedup_threshold_bytes: 1 } },
              { name: "parts", size_partitioning: { size: "64KiB", lower_store: { memory: {} }, upper_store: { ref_store: { name: "fs" } } } },
              { name: "checked", completeness_checking: { backend: { memory: {} }, cas_store: { ref_store: { name: "fs" } } } },
              { name: "small", compression: { compression_algorithm: { lz4: { block_size: 1024, max_decode_block_size: 2048 } }, backend: { memory: {} } } },
              { name: "dedup", dedup: { index_store: { memory: {} }, content_store: { memory: {} }, min_size: 1, normal_size: 2, max_size: 3, max_concurrent_fetch_per_get: 4 } },
              { name: "shard", shard: { stores: [{ store: { memory: {} }, weight: 2 }, { store: { noop: {} }, weight: null }] } },
              { name: "known", existence_cache: { eviction_policy: { max_seconds: 100 }, backend: { memory: {} } } },
              { name: "counted", cache_metrics: { cache_type: "cas", backend: { memory: {} } } },
            ] }
            """);
        var fs = Assert.IsType<FilesystemStore>(config.FindStore("fs")!.Store);
        Assert.Equal(("/n/c", "/n/t", 512, true), (fs.ContentPath, fs.TempPath, fs.BlockSize, fs.EvictPageCache));
        Assert.Equal(new EvictionPolicy(2_000_000_000, 1_000_000_000, TimeSpan.FromHours(1), 9), fs.Eviction);
        var pair = Assert.IsType<FastSlowStore>(config.FindStore("pair")!.Store);
        Assert.Equal((StoreDirection.Get, StoreDirection.Update), (pair.FastDirection, pair.SlowDirection));
        Assert.Same(fs, config.Resolve(pair.Fast));
        Assert.Equal(65_536, Assert.IsType<SizePartitioningStore>(config.FindStore("parts")!.Store).Size);
        Assert.Equal(["checked", "small", "dedup", "known", "counted"],
            config.Stores.Where(store => store.Store is WrapperStore).Select(store => store.Name));
        Assert.Equal(2, Assert.IsType<ShardStore>(config.FindStore("shard")!.Store).Shards.Length);
    }

    [Fact]
    public void A_grpc_store_is_read_with_all_its_keys()
    {
        var store = Assert.IsType<GrpcStore>(Load.Good(Load.WorkerFile(stores: """
            { name: "X", grpc: { instance_name: "main", store_type: "cas", max_concurrent_requests: 5, connections_per_endpoint: 3, rpc_timeout_s: "2m", use_legacy_resource_names: "true",
              headers: { "X-Key": "v" }, forward_headers: [], experimental_read_batching: { max_blob_size_bytes: 1, max_batch_bytes: 2, dispatch_slots: 3, max_queued_bytes: 4 },
              retry: { max_retries: 6, delay: 0.3, jitter: 0.5, retry_on_errors: ["Unavailable", "DataLoss"] },
              endpoints: [{ address: "grpcs://h:1", tls_config: { ca_file: "/ca", cert_file: "/c", key_file: "/k", use_native_roots: true }, concurrency_limit: 7,
                connect_timeout_s: 1, tcp_keepalive_s: 2, http2_keepalive_interval_s: 3, http2_keepalive_timeout_s: 4 }] } }
            """)).FindStore("X")!.Store);
        Assert.Equal(("main", 5, 3, 120, true), (store.InstanceName, store.MaxConcurrentRequests,
            store.ConnectionsPerEndpoint, (int)store.RpcTimeout.TotalSeconds, store.UseLegacyResourceNames));
        Assert.Equal("v", store.Headers["x-key"]);
        Assert.Equal((6, 300, 0.5), (store.Retry.MaxRetries, store.Retry.Delay.TotalMilliseconds, store.Retry.Jitter));
        Assert.Equal(["Unavailable", "DataLoss"], store.Retry.RetryOn.AsEnumerable());
        var endpoint = Assert.Single(store.Endpoints);
        Assert.Equal(new TlsConfig("/ca", "/c", "/k", true), endpoint.Tls);
        Assert.Equal((7, 1, 2, 3, 4), (endpoint.ConcurrencyLimit, (int)endpoint.ConnectTimeout.TotalSeconds,
            (int)endpoint.TcpKeepAlive.TotalSeconds,
            (int)endpoint.Http2KeepAliveInterval.TotalSeconds, (int)endpoint.Http2KeepAliveTimeout.TotalSeconds));
    }

    [Theory]
    [InlineData("redis_store: { addresses: ['redis://h'], anything: { at: 'all' } }", "redis_store")]
    [InlineData("experimental_mongo: { x: 1 }", "experimental_mongo")]
    [InlineData("experimental_cloud_object_store: { provider: 'aws' }", "experimental_cloud_object_store")]
    [InlineData("ontap_s3_existence_cache: {}", "ontap_s3_existence_cache")]
    public void Stores_of_others_are_named_and_left_alone(string store, string type)
    {
        var result = Load.Text(Load.WorkerFile(stores: $"{{ name: 'X', {store} }}"));
        Assert.Empty(result.Errors);
        var note = Assert.Single(result.Notes);
        Assert.Equal($"stores[3].{type}", note.Path);
        Assert.Contains("known but not supported by this worker: ignored", note.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{ name: 'X', filesytem: {} }", "stores[3].filesytem", "did you mean 'filesystem'")]
    [InlineData("{ name: 'X' }", "stores[3]", "the kind of store is missing")]
    [InlineData("{ name: 'X', memory: {}, noop: {} }", "stores[3].noop", "one kind of store too many")]
    [InlineData("{ noop: {} }", "stores[3]", "'name' is missing")]
    [InlineData("{ name: 'X', noop: { a: 1 } }", "stores[3].noop.a", "not a key of 'noop'")]
    [InlineData("{ name: 'X', memory: [] }", "stores[3].memory", "an object in braces")]
    [InlineData("{ name: 'FAR', noop: {} }", "stores[3]", "stands above already")]
    [InlineData("{ name: 'X', ref_store: { name: 'Y' } }", "stores[3].ref_store", "no store named 'Y'")]
    [InlineData("{ name: 'X', ref_store: { name: 'NEA' } }", "stores[3].ref_store", "did you mean 'NEAR'")]
    [InlineData("{ name: 'X', ref_store: { name: 'X' } }", "stores[3]", "refers back to itself")]
    [InlineData("{ name: 'X', filesystem: { content_path: '', temp_path: '/t' } }", "stores[3].filesystem.content_path",
        "is empty")]
    [InlineData("{ name: 'X', filesystem: { content_path: '/', temp_path: '/t' } }",
        "stores[3].filesystem.content_path", "root of the file system")]
    [InlineData("{ name: 'X', filesystem: { content_path: '/a/', temp_path: '/a' } }", "stores[3].filesystem.temp_path",
        "the same as 'content_path'")]
    [InlineData("{ name: 'X', filesystem: { content_path: '/a\\u0000', temp_path: '/b' } }",
        "stores[3].filesystem.content_path", "NUL")]
    [InlineData("{ name: 'X', fast_slow: { fast: { noop: {} }, slow: { noop: {} }, fast_direction: 'Both' } }",
        "stores[3].fast_slow.fast_direction", "did you mean 'both'")]
    [InlineData("{ name: 'X', fast_slow: { fast: { noop: {} } } }", "stores[3].fast_slow", "'slow' is missing")]
    [InlineData("{ name: 'X', memory: { eviction_policy: { max_byte: 1 } } }",
        "stores[3].memory.eviction_policy.max_byte", "did you mean 'max_bytes'")]
    [InlineData("{ name: 'X', memory: { eviction_policy: { max_bytes: '1gb', evict_bytes: '1gb' } } }",
        "stores[3].memory.eviction_policy.evict_bytes", "not less than 'max_bytes'")]
    [InlineData("{ name: 'X', compression: { compression_algorithm: { gzip: {} }, backend: { noop: {} } } }", null,
        "'lz4' is missing")]
    public void A_mistake_in_a_store_is_refused_where_it_is(string store, string? path, string says)
    {
        var result = Load.Text(Load.WorkerFile(stores: store));
        Assert.Null(result.Model);
        Assert.Contains(result.Errors, error => error.Message.Contains(says, StringComparison.Ordinal)
            && error.Path == (path ?? error.Path) && error.Line > 0);
        Assert.True(path is null || result.Errors.Length == 1, string.Join('\n', result.Errors));
    }

    [Theory]
    [InlineData("store_type: 'cas', endpoints: []", "stores[3].grpc.endpoints", "at least one endpoint")]
    [InlineData("store_type: 'cas'", "stores[3].grpc", "'endpoints' is missing")]
    [InlineData("endpoints: [{ address: 'grpc://h' }]", "stores[3].grpc", "'store_type' is missing")]
    [InlineData("store_type: 'bes', endpoints: [{ address: 'grpc://h' }]", "stores[3].grpc.store_type",
        "write one of cas, ac")]
    [InlineData("store_type: 'cas', endpoints: [{ address: '' }]", "stores[3].grpc.endpoints[0].address", "no address")]
    [InlineData("store_type: 'cas', endpoints: [{ address: 'h:1' }]", "stores[3].grpc.endpoints[0].address", "grpc://")]
    [InlineData("store_type: 'cas', endpoints: [{ address: 'ftp://h:1' }]", "stores[3].grpc.endpoints[0].address",
        "scheme 'ftp'")]
    [InlineData("store_type: 'cas', endpoints: [{ address: 'grpcs://h:1' }]", "stores[3].grpc.endpoints[0].address",
        "'tls_config' has to stand beside it")]
    [InlineData("store_type: 'cas', endpoints: [{ address: 'https://h:1' }]", "stores[3].grpc.endpoints[0].address",
        "'tls_config' has to stand beside it")]
    [InlineData("store_type: 'cas', endpoints: [{ address: 'grpc://h:1', tls_config: {} }]",
        "stores[3].grpc.endpoints[0].address", "without TLS: write grpcs://")]
    [InlineData("store_type: 'cas', endpoints: [{ address: 'https://h:1', tls_config: { cert_file: '/c' } }]",
        "stores[3].grpc.endpoints[0].tls_config", "belong together")]
    [InlineData("store_type: 'cas', endpoints: [{ address: 'grpc://h' }], retry: { retry_on_errors: ['UNAVAILABLE'] }",
        "stores[3].grpc.retry.retry_on_errors[0]", "did you mean 'Unavailable'")]
    [InlineData("store_type: 'cas', endpoints: [{ address: 'grpc://h' }], retry: { delay: '1s' }",
        "stores[3].grpc.retry.delay", "a plain number")]
    [InlineData("store_type: 'cas', endpoints: [{ address: 'grpc://h' }], headers: { 'a b': 'c' }",
        "stores[3].grpc.headers[\"a b\"]", "cannot be sent as a header")]
    public void A_mistake_in_a_grpc_store_is_refused_where_it_is(string body, string path, string says) =>
        Load.Refuses(Load.WorkerFile(stores: $"{{ name: 'X', grpc: {{ {body} }} }}"), path, says);

    [Fact]
    public void Unknown_keys_of_tls_config_are_noted_only()
    {
        var result = Load.Text(
            Load.WorkerFile(
                stores: "{ name: 'X', grpc: { store_type: 'cas', endpoints: [{ address: 'https://h', tls_config: " +
                    "{ use_native_roots: true, more: 1 } }] } }"));
        Assert.Empty(result.Errors);
        Assert.Equal("stores[3].grpc.endpoints[0].tls_config.more", Assert.Single(result.Notes).Path);
    }

    [Theory]
    [InlineData("'1MiB'", 1)]
    [InlineData("0", 0)]
    public void A_threshold_for_sharing_downloads_is_noted_as_having_no_effect(string threshold, int notes)
    {
        var result = Load.Text(
            Load.WorkerFile(
                stores: $"{{ name: 'X', fast_slow: {{ fast: {{ memory: {{}} }}, slow: {{ noop: {{}} }}, " +
                    $"bypass_dedup_threshold_bytes: {threshold} }} }}"));
        Assert.Empty(result.Errors);
        Assert.Equal(
            notes, result.Notes.Count(note => note.Path == "stores[3].fast_slow.bypass_dedup_threshold_bytes"
                && note.Message.Contains("no effect", StringComparison.Ordinal)));
    }

    [Fact]
    public void References_that_go_round_through_other_stores_are_refused_for_each_of_them()
    {
        var errors = Load.Text(
            Load.WorkerFile(
                stores: "{ name: 'A', ref_store: { name: 'B' } }, { name: 'B', verify: { backend: { ref_store: " +
                    "{ name: 'A' } } } }")).Errors;
        Assert.Equal(["stores[3]", "stores[4]"], errors.Select(error => error.Path));
    }

    [Theory]
    [InlineData("", "remote_cache_compression: true", true)]
    [InlineData("", "", false)]
    [InlineData("experimental_remote_cache_compression: false,", "remote_cache_compression: true", false)]
    [InlineData("experimental_remote_cache_compression: 'true',", "", true)]
    public void NL_369_Compression_is_what_the_store_says_else_what_the_rest_of_the_file_says(
        string storeKey, string capability, bool expected)
    {
        var config = Load.Good(Load.WorkerFile(
            stores: $"{{ name: 'X', grpc: {{ {storeKey} store_type: 'cas', endpoints: [{{ address: " +
                $"'http://h' }}] }} }}",
            top: $"servers: [{{ listener: {{ http: {{ socket_address: '127.0.0.1:1' }} }}, services: " +
                $"{{ capabilities: [{{ {capability} }}] }} }}]"));
        Assert.Equal(expected, config.Compresses((GrpcStore)config.FindStore("X")!.Store));
        Assert.False(config.Compresses((GrpcStore)config.FindStore("RESULTS")!.Store));
    }

    [Fact]
    public void NL_369_One_store_that_compresses_lets_the_others_follow()
    {
        var config = Load.Good(
            Load.WorkerFile(
                stores: "{ name: 'X', verify: { backend: { grpc: { experimental_remote_cache_compression: true, " +
                    "store_type: 'cas', endpoints: [{ address: 'http://h' }] } } } }"));
        Assert.True(config.Compresses((GrpcStore)config.FindStore("FAR")!.Store));
    }
}
