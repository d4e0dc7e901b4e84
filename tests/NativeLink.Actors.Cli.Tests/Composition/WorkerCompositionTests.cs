using NativeLink.Actors.Cas.Channels;
using NativeLink.Actors.Cli.Composition;
using NativeLink.Actors.Worker;
using NativeLink.Actors.Worker.Connection;
using NativeLink.Actors.Worker.Operations;

namespace NativeLink.Actors.Cli.Tests.Composition;

public sealed class WorkerCompositionTests
{
    [Fact]
    public void A_worker_with_a_store_far_away_gets_its_endpoints_as_http_and_every_setting()
    {
        var host = Compose.Host(Compose.WorkerFile(
            fast: """{ filesystem: { content_path: "/srv/n/cas", temp_path: "/srv/n/tmp", block_size: 512, evict_page_cache: true, eviction_policy: { max_bytes: "2gb", evict_bytes: "1gb", max_count: 5, max_seconds: "1h" } } }""",
            slow: """
            { verify: { backend: { existence_cache: { backend: { grpc: { instance_name: "i", store_type: "cas", max_concurrent_requests: 3, connections_per_endpoint: 2, rpc_timeout_s: 9, use_legacy_resource_names: true,
              headers: { k: "v" }, retry: { max_retries: 4, delay: 0.5, jitter: 0.2, retry_on_errors: ["Unavailable"] }, experimental_remote_cache_compression: true,
              endpoints: [{ address: "grpcs://a.test:1234", tls_config: { ca_file: "/ca", use_native_roots: false }, connect_timeout_s: 1, concurrency_limit: 8 }, { address: "http://b.test:80" }] } } } } } }
            """,
            local: """
            name: "w", max_inflight_tasks: 7, max_action_timeout: 60, max_upload_timeout: 30, max_cleanup_wait_s: 3, timeout_handled_externally: true, entrypoint: "/wrap",
            experimental_precondition_script: "/check", upload_action_result: { ac_store: "FAR_AC", upload_ac_results_strategy: "everything", upload_historical_results_strategy: "never", success_message_template: "s", failure_message_template: "f" },
            additional_environment: { a: "timeout_millis", b: { property: "p" }, c: { value: "v" } }, directory_cache: { max_entries: 9, max_size_bytes: "5gb", cache_root: "/srv/n/trees" },
            """));
        var grpc = host.Cas.Grpc!;
        Assert.Equal(["https://a.test:1234/", "http://b.test/"],
            grpc.Endpoints.Select(endpoint => endpoint.Address.AbsoluteUri));
        Assert.Equal(new TlsOptions("/ca", null, null, false), grpc.Endpoints[0].Tls);
        Assert.Equal((1, 8), (grpc.Endpoints[0].ConnectTimeout.TotalSeconds, grpc.Endpoints[0].ConcurrencyLimit));
        Assert.Equal(("i", 3, 2, 9, true, true), (grpc.InstanceName, grpc.MaxConcurrentRequests,
            grpc.ConnectionsPerEndpoint, grpc.RpcTimeout.TotalSeconds, grpc.UseLegacyResourceNames, grpc.Compression));
        Assert.Equal((4, 500, 0.2, Grpc.Core.StatusCode.Unavailable), (grpc.Retry.MaxRetries,
            grpc.Retry.Delay.TotalMilliseconds, grpc.Retry.Jitter, grpc.Retry.RetryOn.Single()));
        Assert.Equal("v", grpc.Headers["k"]);
        var store = host.LocalStore;
        Assert.Equal(("/srv/n/cas", "/srv/n/tmp", 2_000_000_000, 1_000_000_000, 5, 3600, 512, true),
            (store.ContentPath, store.TempPath, store.MaxBytes, store.EvictBytes, store.MaxCount,
                store.MaxAge.TotalSeconds, store.BlockSize, store.EvictPageCache));
        Assert.Equal(new DirectoryCacheOptions("/srv/n/trees")
        {
            MaxEntries = 9,
            MaxSizeBytes = 5_000_000_000,
        }, host.DirectoryCache);
        var worker = Assert.Single(host.Workers);
        Assert.Equal(("w", 7, 60, 30, 3, true, "/wrap", "/check", "/srv/n/actions"),
            (worker.Connection.Name, worker.Connection.MaxInflightTasks, worker.Actions.MaxActionTimeout.TotalSeconds,
                worker.Actions.MaxUploadTimeout.TotalSeconds,
            worker.MaxCleanupWait.TotalSeconds, worker.Actions.TimeoutHandledExternally, worker.Actions.Entrypoint,
            worker.Actions.PreconditionScript, worker.WorkDirectory));
        Assert.Equal("http://127.0.0.1:50061/", worker.Connection.SchedulerEndpoint.Address.AbsoluteUri);
        Assert.Equal(
            [new("a", EnvironmentSource.TimeoutMillis), new("b", EnvironmentSource.Property, "p"), new EnvironmentEntry(
                "c", EnvironmentSource.Value, "v")], worker.Actions.AdditionalEnvironment.AsEnumerable());
        Assert.Equal((ResultStrategy.Everything, ResultStrategy.Never, "s", "f"),
            (worker.Actions.Results.ActionCacheStrategy, worker.Actions.Results.HistoricalStrategy,
                worker.Actions.Results.SuccessMessageTemplate, worker.Actions.Results.FailureMessageTemplate));
        Assert.Equal("main", worker.Actions.Results.ActionCache!.InstanceName);
        Assert.Null(worker.Actions.Results.HistoricalStore);
    }

    [Theory]
    [InlineData("", true, true)]
    [InlineData("fast_direction: 'get'", true, false)]
    [InlineData("fast_direction: 'update'", false, true)]
    [InlineData("fast_direction: 'read_only'", false, false)]
    public void The_fast_direction_says_what_fills_the_local_store_except_that_reads_always_do(
        string pair, bool read, bool write)
    {
        var plan = Compose.Plan(Compose.WorkerFile(pair: pair));
        Assert.Equal(write, Assert.Single(plan.Hosts).Options.FillStoreOnWrite);
        Assert.Equal(
            !read, plan.Notes.Any(
                note => note.Message.Contains("'fast_direction' has no effect on reads", StringComparison.Ordinal)));
    }

    [Fact]
    public void Switches_say_how_input_roots_are_made()
    {
        var switches = new WorkerSwitches { Materialiser = "hardlink", ScratchMemoryBytes = 5 };
        var host = Compose.Host(Compose.WorkerFile(), switches);
        Assert.Equal(("hardlink", 5), (host.DirectoryCache.ForcedMaterialiser, host.DirectoryCache.ScratchMemoryBytes));
    }

    [Fact]
    public void A_switch_says_how_long_a_drain_may_take()
    {
        var switches = new WorkerSwitches { DrainTimeout = TimeSpan.FromMinutes(5) };
        Assert.Equal(TimeSpan.FromMinutes(5), Compose.Host(Compose.WorkerFile(), switches).DrainTimeout);
        Assert.Equal(TimeSpan.FromMinutes(20), Compose.Host(Compose.WorkerFile()).DrainTimeout);
    }

    [Theory]
    [InlineData("{ cache_metrics: { cache_type: 'c', backend: { ref_store: { name: 'FAR' } } } }")]
    [InlineData("{ compression: { compression_algorithm: { lz4: {} }, backend: { ref_store: { name: 'FAR' } } } }")]
    [InlineData("{ size_partitioning: { size: 5, lower_store: { ref_store: { name: 'FAR' } }, upper_store: " +
        "{ verify: { backend: { ref_store: { name: 'FAR' } } } } } }")]
    [InlineData("{ size_partitioning: { size: 5, lower_store: { noop: {} }, upper_store: { ref_store: { name: " +
        "'FAR' } } } }")]
    [InlineData("{ fast_slow: { fast: { memory: {} }, slow: { ref_store: { name: 'FAR' } } } }")]
    public void What_lies_around_the_far_store_makes_no_difference(string slow) =>
        Assert.Equal("http://cas.test:50051/", Compose.Host(
            Compose.WorkerFile(slow)).Cas.Grpc!.Endpoints.Single().Address.AbsoluteUri);

    [Theory]
    [InlineData("{ redis_store: {} }", "", "'redis_store' is known but not supported")]
    [InlineData("{ shard: { stores: [{ store: { ref_store: { name: 'FAR' } }, weight: 1 }] } }", "",
        "'shard' is known but not supported")]
    [InlineData("{ dedup: { index_store: { memory: {} }, content_store: { memory: {} } } }", "",
        "'dedup' is known but not supported")]
    [InlineData("{ size_partitioning: { size: 5, lower_store: { memory: {} }, upper_store: { ref_store: { name: " +
        "'FAR' } } } }", "", "over two different stores")]
    [InlineData("{ ref_store: { name: 'FAR_AC' } }", "", "an action cache")]
    [InlineData("{ ref_store: { name: 'FAR' } }", "slow_direction: 'read_only'",
        "'slow_direction' keeps outputs from being uploaded")]
    [InlineData("{ ref_store: { name: 'FAR' } }", "slow_direction: 'get'",
        "'slow_direction' keeps outputs from being uploaded")]
    public void A_store_that_a_worker_cannot_use_is_an_error_with_its_place(string slow, string pair, string says)
    {
        var plan = Compose.Plan(Compose.WorkerFile(slow, pair: pair));
        Assert.Empty(plan.Hosts);
        var error = Assert.Single(plan.Errors);
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
        Assert.True(error.Line > 0 && error.Column > 0, error.ToString());
    }

    [Theory]
    [InlineData("{ noop: {} }", "/srv/n/cas")]
    [InlineData("{ filesystem: { content_path: '/srv/other/cas', temp_path: '/srv/other/tmp' } }", "/srv/other/cas")]
    [InlineData("{ memory: {} }", "/srv/n/cas")]
    public void A_store_of_this_machine_alone_is_the_CAS_itself(string slow, string path)
    {
        var host = Compose.Host(Compose.WorkerFile(slow));
        Assert.True(host.Cas.LocalStoreOnly);
        Assert.Null(host.Cas.Grpc);
        Assert.Equal(path, host.LocalStore.ContentPath);
    }

    [Fact]
    public void An_action_cache_of_another_process_is_not_written_and_that_is_said()
    {
        var plan = Compose.Plan(Compose.AllInOne);
        var results = Assert.Single(plan.Hosts).Options.Workers.Single().Actions.Results;
        Assert.Equal((ResultStrategy.Never, null), (results.ActionCacheStrategy, results.ActionCache));
        Assert.Contains(
            plan.Notes, note => note.Message.Contains("no results are written to it", StringComparison.Ordinal));
        Assert.Contains(plan.Notes, note => note.Message.Contains("local --config FILE", StringComparison.Ordinal));
    }

    [Fact]
    public void Historical_results_go_to_the_store_that_is_named_unless_it_is_the_CAS()
    {
        const string Other =
            "{ name: 'OLD', grpc: { endpoints: [{ address: 'http://old.test:1' }], store_type: 'cas' } }";
        var named = Compose.Host(Compose.WorkerFile(stores: Other,
            local: "upload_action_result: { ac_store: 'FAR_AC', historical_results_store: 'OLD' }"));
        Assert.Equal(
            "http://old.test:1/", named.Workers[0].Actions.Results.HistoricalStore!.Endpoints[0].Address.AbsoluteUri);
        var same = Compose.Host(
            Compose.WorkerFile(local: "upload_action_result: { ac_store: 'FAR_AC', historical_results_store: 'FAR' }"));
        Assert.Equal((null, ResultStrategy.FailuresOnly),
            (same.Workers[0].Actions.Results.HistoricalStore, same.Workers[0].Actions.Results.HistoricalStrategy));
    }

    [Fact]
    public void The_short_form_keeps_its_store_beside_the_work_directory_and_writes_no_action_cache()
    {
        var host = Compose.Host("""
            { "worker_api_endpoint": { "address": "grpc://sched.test:50061" }, "platform_properties": { "os": "linux" }, "work_directory": "/srv/n/actions",
              "cas_stores": { "MAIN": { "grpc": { "instance_name": "m", "endpoints": [{ "address": "grpc://cas.test:50051" }], "store_type": "cas" } } } }
            """);
        Assert.Equal(("/srv/n/actions-store/content", "/srv/n/actions-store/temp"),
            (host.LocalStore.ContentPath, host.LocalStore.TempPath));
        Assert.Equal((ResultStrategy.Never, "m", "/srv/n/actions-store/trees"),
            (host.Workers[0].Actions.Results.ActionCacheStrategy, host.Cas.Grpc!.InstanceName,
                host.DirectoryCache.Root));
        Assert.Equal(new PlatformPropertySource("os", ["linux"], null).Values.AsEnumerable(),
            host.Workers[0].Connection.PlatformProperties[0].Values.AsEnumerable());
    }

    [Fact]
    public void An_id_replaces_the_name_and_has_its_own_part_of_the_work_directory_while_the_store_is_shared()
    {
        var (one, two) = (Compose.Host(Compose.WorkerFile(), new WorkerSwitches { WorkerId = "host-1" }),
            Compose.Host(Compose.WorkerFile(), new WorkerSwitches { WorkerId = "host-2" }));
        Assert.Equal(("host-1", "/srv/n/actions/host-1", "/srv/n/directory_cache"),
            (one.Workers[0].Connection.Name, one.Workers[0].WorkDirectory, one.DirectoryCache.Root));
        Assert.Equal(("host-2", "/srv/n/actions/host-2", "/srv/n/directory_cache"),
            (two.Workers[0].Connection.Name, two.Workers[0].WorkDirectory, two.DirectoryCache.Root));
        Assert.Equal(one.LocalStore, two.LocalStore);
    }

    [Fact]
    public void Many_workers_like_the_first_one_share_a_host_and_no_directory()
    {
        var workers = Compose.Host(Compose.WorkerFile(), new WorkerSwitches
        {
            Count = 3,
            WorkerId = "w",
            MaxInflight = 2,
        }).Workers;
        Assert.Equal(
            [("w-1", "/srv/n/actions/w-1", 2), ("w-2", "/srv/n/actions/w-2", 2),
                ("w-3", "/srv/n/actions/w-3", 2)], workers.Select(
                    worker => (worker.Connection.Name, worker.WorkDirectory, worker.Connection.MaxInflightTasks)));
        Assert.Equal(["worker-1", "worker-2"], Compose.Host(Compose.WorkerFile(), new WorkerSwitches
        {
            Count = 2,
        }).Workers.Select(worker => worker.Connection.Name));
        Assert.Equal("/srv/n/actions", Compose.Host(Compose.WorkerFile(), new WorkerSwitches
        {
            Count = 1,
        }).Workers.Single().WorkDirectory);
        Assert.Empty(Compose.Plan(Compose.WorkerFile(), new WorkerSwitches { Count = 0 }).Hosts);
    }

    [Theory]
    [InlineData("../../etc")]
    [InlineData("a/b")]
    [InlineData("..")]
    [InlineData("")]
    [InlineData("ä\n")]
    public void An_id_cannot_lead_out_of_the_work_directory(string id)
    {
        var directory = Compose.Host(Compose.WorkerFile(), new WorkerSwitches
        {
            WorkerId = id,
        }).Workers[0].WorkDirectory;
        Assert.Equal("/srv/n/actions", Path.GetDirectoryName(directory));
        Assert.DoesNotContain(Path.GetFileName(directory), (string[])["", ".", ".."]);
        Assert.NotEqual(directory, Compose.Host(Compose.WorkerFile(), new WorkerSwitches
        {
            WorkerId = id + "_",
        }).Workers[0].WorkDirectory);
    }

    [Fact]
    public void Workers_of_one_store_share_a_host_and_those_of_another_have_theirs()
    {
        var second = """
            { name: "ALIAS", ref_store: { name: "NEAR" } },
            { name: "NEAR2", fast_slow: { fast: { filesystem: { content_path: "/srv/n/cas2", temp_path: "/srv/n/tmp2" } }, slow: { ref_store: { name: "FAR" } } } },
            """;
        string Worker(string name, string store) =>
            $$"""{ local: { name: "{{name}}", worker_api_endpoint: { uri: "http://s:1" }, cas_fast_slow_store: "{{store}}", work_directory: "/srv/n/actions/{{name}}", platform_properties: {}, upload_action_result: { upload_ac_results_strategy: "never" } } }""";
        var text = Compose.WorkerFile(stores: second);
        text = string.Concat(text.AsSpan(0, text.IndexOf("workers:", StringComparison.Ordinal)),
            $"workers: [{Worker("a", "NEAR")}, {Worker("b", "NEAR2")}, {Worker("c", "ALIAS")}], servers: [] }}");
        var hosts = Compose.Plan(text).Hosts;
        Assert.Equal(["a c", "b"],
            hosts.Select(host => string.Join(' ', host.Options.Workers.Select(worker => worker.Connection.Name))));
        Assert.Equal(2, hosts.Select(host => host.Options.DirectoryCache.Root).Distinct().Count());
    }

    [Fact]
    public void Waits_beyond_what_timers_take_are_cut() =>
        Assert.True(
            Compose.Host(Compose.WorkerFile(local: "max_action_timeout: '2y', upload_action_result: { ac_store: " +
                "'FAR_AC' }")).Workers[0].Actions.MaxActionTimeout.TotalMilliseconds < uint.MaxValue - 1);

    [Fact]
    public void Namespaces_are_named_as_not_supported() =>
        Assert.Contains(
            Compose.Plan(
                Compose.WorkerFile(local: "use_namespaces: true, upload_action_result: { ac_store: 'FAR_AC' }")).Notes,
                note => note.Message.Contains("'use_namespaces' is known but not supported yet",
                    StringComparison.Ordinal));
}
