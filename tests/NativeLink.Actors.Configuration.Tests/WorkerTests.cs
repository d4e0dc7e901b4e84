using NativeLink.Actors.Configuration.Model;

namespace NativeLink.Actors.Configuration.Tests;

public sealed class WorkerTests
{
    [Fact]
    public void A_worker_that_says_little_gets_every_default()
    {
        var worker = Load.GoodWorker();
        Assert.Equal(("", 0, "/srv/n/actions", "NEAR"),
            (worker.Name, worker.MaxInflightTasks, worker.WorkDirectory, worker.CasStore));
        Assert.Equal((5, 1200, 600, 30), (worker.EndpointTimeout.TotalSeconds, worker.MaxActionTimeout.TotalSeconds,
            worker.MaxUploadTimeout.TotalSeconds, worker.MaxCleanupWait.TotalSeconds));
        Assert.Equal(TimeSpan.FromMilliseconds(500), worker.MaxCleanupBackoff);
        Assert.Equal((UploadStrategy.SuccessOnly, UploadStrategy.FailuresOnly),
            (worker.Results.AcStrategy, worker.Results.HistoricalStrategy));
        Assert.Null(worker.DirectoryCache);
        Assert.Null(worker.PreconditionScript);
        Assert.Equal("grpc://scheduler:50061/", worker.Endpoint.Uri.ToString());
    }

    [Fact]
    public void NL_358_An_unknown_key_of_a_worker_is_refused_with_its_place_and_the_nearest_key()
    {
        var error = Load.Bad(Load.WorkerFile("\n  max_inflight_task: 3"));
        Assert.Equal(("workers[0].local.max_inflight_task", 3), (error.Path, error.Column));
        Assert.Contains("did you mean 'max_inflight_tasks'", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("max_action_timeout: '70s', max_upload_timeout: 80")]
    [InlineData("max_action_timeout_s: 70, max_upload_timeout_s: '1m 20s'")]
    [InlineData("timeout: '70s', upload_timeout: '80s'")]
    public void NL_359_Time_limits_are_read_under_each_of_their_names(string keys)
    {
        var worker = Load.GoodWorker(keys);
        Assert.Equal((70, 80), (worker.MaxActionTimeout.TotalSeconds, worker.MaxUploadTimeout.TotalSeconds));
    }

    [Fact]
    public void Two_names_of_one_key_together_are_refused() =>
        Load.Refuses(Load.WorkerFile("max_action_timeout: 1, max_action_timeout_s: 1"),
            "workers[0].local.max_action_timeout", "mean the same");

    [Fact]
    public void Every_key_of_a_worker_is_read()
    {
        var worker = Load.GoodWorker("""
            name: "w", max_cleanup_wait_s: "5s", timeout_handled_externally: true, entrypoint: "/bin/wrap", experimental_precondition_script: "check -a",
            experimental_active_input_leases: true, use_namespaces: true, use_mount_namespace: true, max_inflight_tasks: 4,
            additional_environment: { a: "from_environment", b: "timeout_millis", c: "side_channel_file", d: "action_directory", e: { property: "p" }, f: { value: "${X:-v}" } },
            directory_cache: { max_entries: 7, max_size_bytes: "1gb", cache_root: "/srv/n/trees", experimental_subtree_caching: true, max_concurrent_fetches: 8, experimental_get_tree_prefetch: true },
            """);
        Assert.Equal(("w", 5, true, "/bin/wrap", "check -a", 4), (worker.Name, (int)worker.MaxCleanupWait.TotalSeconds,
            worker.TimeoutHandledExternally, worker.Entrypoint, worker.PreconditionScript, worker.MaxInflightTasks));
        Assert.Equal((true, true, true), (worker.ActiveInputLeases, worker.UseNamespaces, worker.UseMountNamespace));
        Assert.Equal(
            [
                new("a", EnvironmentKind.FromEnvironment, ""), new("b", EnvironmentKind.TimeoutMillis, ""), new(
                    "c", EnvironmentKind.SideChannelFile, ""),
                new("d", EnvironmentKind.ActionDirectory, ""), new(
                    "e", EnvironmentKind.Property, "p"), new EnvironmentConfig("f", EnvironmentKind.Value, "v"),
            ],
            worker.AdditionalEnvironment.AsEnumerable());
        var cache = worker.DirectoryCache!;
        Assert.Equal((7, 1_000_000_000, "/srv/n/trees", true, 8, true), (cache.MaxEntries, cache.MaxSizeBytes,
            cache.CacheRoot, cache.SubtreeCaching, cache.MaxConcurrentFetches, cache.GetTreePrefetch));
    }

    [Fact]
    public void A_key_without_effect_is_noted_with_the_reason()
    {
        var notes = Load.Text(Load.WorkerFile("""
            max_cleanup_backoff_ms: 9,
            directory_cache: { experimental_subtree_caching: true, max_concurrent_fetches: 8, experimental_get_tree_prefetch: true, max_entries: 3 },
            """)).Notes;
        Assert.Equal(4, notes.Length);
        Assert.All(notes, static note => Assert.Contains("has no effect: ", note.Message, StringComparison.Ordinal));
    }

    [Fact]
    public void Properties_are_values_a_command_or_as_in_the_short_form_one_text()
    {
        var text = Load.WorkerFile().Replace("platform_properties: {}",
            "platform_properties: { a: { values: ['1', '${X:-2}'] }, b: { query_cmd: 'nproc $X' }, c: '3', d: " +
            "{ values: [] } }", StringComparison.Ordinal);
        var properties = Load.Good(text).Workers[0].PlatformProperties;
        Assert.Equal(["a", "b", "c", "d"], properties.Select(property => property.Name));
        Assert.Equal(["1", "2"], properties[0].Values.AsEnumerable());
        Assert.Equal("nproc $X", properties[1].QueryCommand);
        Assert.Equal(["3"], properties[2].Values.AsEnumerable());
        Assert.Empty(properties[3].Values);
    }

    [Theory]
    [InlineData("directory_cache: { max_concurrent_fetches: 0 }",
        "workers[0].local.directory_cache.max_concurrent_fetches", "from 1 to")]
    [InlineData("directory_cache: { max_entries: -1 }", "workers[0].local.directory_cache.max_entries", "from 0 to")]
    [InlineData("directory_cache: { root: '/x' }", "workers[0].local.directory_cache.root",
        "not a key of 'directory_cache'")]
    [InlineData("directory_cache: { cache_root: '/srv/n/actions/cache' }", "workers[0].local.work_directory",
        "lie in each other")]
    [InlineData("directory_cache: 'on'", "workers[0].local.directory_cache", "an object in braces")]
    [InlineData("additional_environment: { a: 'from_enviroment' }", "workers[0].local.additional_environment.a",
        "did you mean 'from_environment'")]
    [InlineData("additional_environment: { a: { value: 'x', property: 'y' } }",
        "workers[0].local.additional_environment.a", "exactly one key")]
    [InlineData("additional_environment: { 'a=b': { value: 'x' } }", "workers[0].local.additional_environment[\"a=b\"]",
        "no name of an environment variable")]
    [InlineData("use_mount_namespace: true", "workers[0].local", "needs 'use_namespaces'")]
    [InlineData("max_action_timeout: 'abc'", "workers[0].local.max_action_timeout",
        "this has to be a number of seconds")]
    public void A_mistake_in_a_worker_is_refused_where_it_is(string keys, string path, string says) =>
        Load.Refuses(Load.WorkerFile(keys), path, says);

    [Theory]
    [InlineData("uri: \"grpc://scheduler:50061\"", "uri: 'grpc://scheduler:50061', tls: {}",
        "workers[0].local.worker_api_endpoint.tls", "not a key of an endpoint")]
    [InlineData("uri: \"grpc://scheduler:50061\"", "timeout: 5", "workers[0].local.worker_api_endpoint",
        "'uri' is missing")]
    [InlineData("uri: \"grpc://scheduler:50061\"", "uri: 'ftp://s'", "workers[0].local.worker_api_endpoint.uri",
        "scheme 'ftp'")]
    [InlineData("uri: \"grpc://scheduler:50061\"", "uri: 'https://s'", "workers[0].local.worker_api_endpoint.uri",
        "'tls_config' has to stand beside it")]
    [InlineData("uri: \"grpc://scheduler:50061\"", "uri: 'grpc://s', timeout: '5'",
        "workers[0].local.worker_api_endpoint.timeout", "a plain number")]
    [InlineData("\"/srv/n/actions\"", "''", "workers[0].local.work_directory", "is empty")]
    [InlineData("\"/srv/n/actions\"", "'/'", "workers[0].local.work_directory", "root of the file system")]
    [InlineData("\"/srv/n/actions\"", "'//'", "workers[0].local.work_directory", "root of the file system")]
    [InlineData("\"/srv/n/actions\"", "'/srv/../'", "workers[0].local.work_directory", "root of the file system")]
    [InlineData("\"/srv/n/actions\"", "'/etc/'", "workers[0].local.work_directory", "belongs to the system")]
    [InlineData("\"/srv/n/actions\"", "'/home/someone'", "workers[0].local.work_directory", "a home directory")]
    [InlineData("\"/srv/n/actions\"", "'/srv/n/cas/x'", "workers[0].local.work_directory",
        "'content_path' of the store")]
    [InlineData("platform_properties: {}", "platform_properties: { a: {} }", "workers[0].local.platform_properties.a",
        "exactly one")]
    [InlineData("platform_properties: {}", "platform_properties: { a: 3 }", "workers[0].local.platform_properties.a",
        "a number is not understood")]
    [InlineData("platform_properties: {}", "platform_properties: { a: { query_cmd: ' ' } }",
        "workers[0].local.platform_properties.a.query_cmd", "is empty")]
    [InlineData("platform_properties: {},", "", "workers[0].local", "'platform_properties' is missing")]
    [InlineData("cas_fast_slow_store: \"NEAR\"", "cas_fast_slow_store: 'NEER'", "workers[0].local.cas_fast_slow_store",
        "did you mean 'NEAR'")]
    [InlineData("cas_fast_slow_store: \"NEAR\"", "cas_fast_slow_store: 'FAR'", "workers[0].local.cas_fast_slow_store",
        "'fast_slow' store")]
    [InlineData("cas_fast_slow_store: \"NEAR\",", "", "workers[0].local", "'cas_fast_slow_store' is missing")]
    [InlineData("upload_action_result: { ac_store: \"RESULTS\" },", "", "workers[0].local",
        "upload_ac_results_strategy: \"never\"")]
    [InlineData("ac_store: \"RESULTS\"", "ac_store: 'NONE'", "workers[0].local.upload_action_result", "no such store")]
    [InlineData("ac_store: \"RESULTS\"", "ac_store: 'FAR'", "workers[0].local.upload_action_result", "is a CAS")]
    [InlineData("ac_store: \"RESULTS\"", "upload_ac_results_strategy: 'sometimes', ac_store: 'RESULTS'",
        "workers[0].local.upload_action_result.upload_ac_results_strategy", "write one of success_only")]
    [InlineData("ac_store: \"RESULTS\"", "ac_store: 'RESULTS', historical_results_store: 'OLD'",
        "workers[0].local.upload_action_result", "'historical_results_store' names 'OLD'")]
    public void A_mistake_in_what_a_worker_must_say_is_refused_where_it_is(
        string right, string wrong, string path, string says)
    {
        var text = Load.WorkerFile();
        Assert.Contains(right, text, StringComparison.Ordinal);
        Load.Refuses(text.Replace(right, wrong, StringComparison.Ordinal), path, says);
    }

    [Fact]
    public void The_work_directory_is_not_the_home_directory_of_whoever_starts_the_worker()
    {
        var result = Load.Text(Load.WorkerFile(), ("HOME", "/srv/n/actions"));
        Assert.Contains("a home directory", Assert.Single(result.Errors).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_store_must_not_lie_in_the_work_directory()
    {
        var errors = Load.Text(
            Load.WorkerFile().Replace("\"/srv/n/actions\"", "'/srv/n'", StringComparison.Ordinal)).Errors;
        Assert.Equal(2, errors.Length);
        Assert.All(errors, error => Assert.Contains("lie in each other", error.Message, StringComparison.Ordinal));
    }

    [Fact]
    public void The_fast_side_has_to_be_files()
    {
        var text = Load.WorkerFile(stores: "{ name: 'MEM', fast_slow: { fast: { memory: {} }, slow: { noop: {} } } }")
            .Replace("cas_fast_slow_store: \"NEAR\"", "cas_fast_slow_store: 'MEM'", StringComparison.Ordinal);
        Load.Refuses(text, "workers[0].local.cas_fast_slow_store", "needs a 'filesystem' store");
    }

    [Fact]
    public void The_store_and_its_fast_side_may_be_references()
    {
        var text = Load.WorkerFile(stores: """
            { name: "DISK", filesystem: { content_path: "/srv/n/c2", temp_path: "/srv/n/t2" } },
            { name: "PAIR", fast_slow: { fast: { ref_store: { name: "DISK" } }, slow: { ref_store: { name: "FAR" } } } },
            { name: "ALIAS", ref_store: { name: "PAIR" } },
            """).Replace("cas_fast_slow_store: \"NEAR\"", "cas_fast_slow_store: 'ALIAS'", StringComparison.Ordinal);
        Assert.Equal("ALIAS", Load.Good(text).Workers[0].CasStore);
    }

    [Fact]
    public void Workers_need_names_and_work_directories_of_their_own()
    {
        var text = $"{{ servers: [], stores: [{Load.Stores}], workers: [{{ local: {{ name: 'a', {Load.Local} }} }}, " +
            $"{{ local: {{ name: 'a', {Load.Local} }} }}] }}";
        var errors = Load.Text(text).Errors;
        Assert.Equal(["workers[1].local", "workers[1].local.work_directory"],
            errors.Select(error => error.Path).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Every_mistake_is_reported_at_once_in_the_order_of_the_file()
    {
        var errors = Load.Text("""
            { stores: [ { name: "A", memroy: {} } ],
              workers: [ { local: { worker_api_endpoint: { uri: "ftp://x" }, work_directory: "/", max_inflight_tasks: "x",
                platform_properties: { p: { valus: [] } }, cas_fast_slow_store: "B", name: "${NOPE}",
                upload_action_result: { upload_ac_results_strategy: "none" } } } ],
              serverss: [] }
            """).Errors;
        Assert.Equal(
            [
                "stores[0].memroy", "workers[0].local.worker_api_endpoint.uri", "workers[0].local.work_directory",
                "workers[0].local.max_inflight_tasks",
                "workers[0].local.platform_properties.p", "workers[0].local.platform_properties.p.valus",
                "workers[0].local.cas_fast_slow_store",
                "workers[0].local.name", "workers[0].local.upload_action_result",
                "workers[0].local.upload_action_result.upload_ac_results_strategy", "serverss",
            ],
            errors.Select(error => error.Path));
    }

    [Fact]
    public void The_short_names_are_understood_in_the_long_form_and_named()
    {
        var result = Load.Text(Load.WorkerFile("timeout: 5, precondition_script: '/bin/true'"));
        Assert.Equal(5, result.Model!.Workers[0].MaxActionTimeout.TotalSeconds);
        Assert.Equal("/bin/true", result.Model.Workers[0].PreconditionScript);
        Assert.Equal(["workers[0].local.timeout", "workers[0].local.precondition_script"],
            result.Notes.Select(note => note.Path));
    }
}
