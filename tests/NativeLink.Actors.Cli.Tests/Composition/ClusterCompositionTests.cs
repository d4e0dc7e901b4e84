using System.Net;
using NativeLink.Actors.Cas.Channels;
using NativeLink.Actors.Cli.Composition;
using NativeLink.Actors.LocalCluster;
using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Worker.Connection.WorkerApi;
using NativeLink.Actors.Worker.Operations;

namespace NativeLink.Actors.Cli.Tests.Composition;

public sealed class ClusterCompositionTests
{
    [Fact]
    public void NL_357_A_file_that_is_everything_gives_addresses_stores_and_the_scheduler_s_settings()
    {
        var plan = Compose.Cluster(Compose.AllInOne);
        Assert.Empty(plan.Errors);
        var options = plan.Options!;
        Assert.Equal((IPEndPoint.Parse("127.0.0.1:50051"), IPEndPoint.Parse("127.0.0.1:50061")),
            (options.Listen, options.WorkerApiListen));
        Assert.Equal(("/srv/n/cas", "/srv/n/tmp", 10_000_000_000),
            (options.Cas.ContentPath, options.Cas.TempPath, options.Cas.MaxBytes));
        Assert.Equal(("/srv/n/ac", 1024), (options.ActionCachePath, options.ActionCacheMaxEntries));
        Assert.Equal(["", "main"], options.Instances.Order(StringComparer.Ordinal));
        Assert.Equal(90, options.PartialUploadLifetime.TotalSeconds);
        Assert.False(options.Compression);
        var scheduler = options.Scheduler;
        Assert.Equal(
            (30, 12, 10, 2, 5), (scheduler.WorkerTimeout.TotalSeconds, scheduler.ClientActionTimeout.TotalSeconds,
                scheduler.UnacknowledgedKillTimeout.TotalSeconds, scheduler.MaxJobRetries,
                scheduler.KillRevokedInterval.TotalSeconds));
        Assert.Equal((PropertyType.Minimum, PropertyType.Exact, PropertyType.Priority, PropertyType.Ignore),
            (scheduler.SupportedProperties["cpu_count"], scheduler.SupportedProperties["ISA"],
                scheduler.SupportedProperties["OSFamily"], scheduler.SupportedProperties["junk"]));
        Assert.Equal("main", plan.ActionCacheInstance);
    }

    [Fact]
    public void Switches_win_over_the_file()
    {
        var options = Compose.Cluster(Compose.AllInOne, IPEndPoint.Parse("127.0.0.1:0"),
            IPEndPoint.Parse("127.0.0.1:1")).Options!;
        Assert.Equal((0, 1), (options.Listen.Port, options.WorkerApiListen.Port));
    }

    [Fact]
    public void What_the_file_leaves_out_comes_from_the_defaults_and_lies_in_the_data_directory()
    {
        var options = Compose.Options("{ stores: [], servers: [] }");
        Assert.Equal((50051, 50061, "/srv/data/cas", "/srv/data/ac", 15),
            (options.Listen.Port, options.WorkerApiListen.Port, options.Cas.ContentPath, options.ActionCachePath,
                options.Scheduler.ClientActionTimeout.TotalSeconds));
        Assert.Empty(options.Instances);
        Assert.True(options.Compression);
    }

    [Fact]
    public void A_memory_store_is_kept_in_the_data_directory_with_its_limits()
    {
        var plan = Compose.Cluster(
            Served(
                "{ name: 'C', memory: { eviction_policy: { max_bytes: '3gb', max_count: 8 } } }, { name: 'A', " +
                "memory: { eviction_policy: { max_count: 7 } } }"));
        Assert.Equal(("/srv/data/cas", 3_000_000_000, 8, 7), (plan.Options!.Cas.ContentPath, plan.Options.Cas.MaxBytes,
            plan.Options.Cas.MaxCount, plan.Options.ActionCacheMaxEntries));
        Assert.Equal(2, plan.Notes.Count(note => note.Message.Contains("kept on disk here", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("{ name: 'C', grpc: { endpoints: [{ address: 'grpc://far.test:1' }], store_type: 'cas' } }, { name: " +
        "'A', memory: {} }", "far.test")]
    [InlineData("{ name: 'C', redis_store: {} }, { name: 'A', memory: {} }",
        "'redis_store' is known but not supported")]
    [InlineData("{ name: 'C', noop: {} }, { name: 'A', memory: {} }", "'noop' store cannot be served")]
    [InlineData("{ name: 'A', memory: {} }", "no store named 'C'")]
    [InlineData("{ name: 'C', memory: {} }", "no store named 'A'")]
    public void A_store_that_cannot_be_served_is_an_error_that_says_what_is_needed(string stores, string says)
    {
        var plan = Compose.Cluster(Served(stores));
        Assert.Null(plan.Options);
        Assert.All(plan.Errors, error => Assert.Contains(says, error.Message, StringComparison.Ordinal));
        Assert.All(plan.Errors, error => Assert.True(error.Line > 0, error.ToString()));
        Assert.NotEmpty(plan.Errors);
    }

    [Fact]
    public void Two_different_stores_for_two_instances_are_one_too_many()
    {
        var plan = Compose.Cluster(
            Served("{ name: 'C', memory: {} }, { name: 'A', memory: {} }, { name: 'D', memory: {} }",
                ", { instance_name: 'b', cas_store: 'D' }"));
        Assert.Contains("one CAS for all instances", Assert.Single(plan.Errors).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_listener_with_TLS_is_an_error() =>
        Assert.Contains(
            Compose.Cluster(Served("{ name: 'C', memory: {} }, { name: 'A', memory: {} }").Replace("'127.0.0.1:7'",
                "'127.0.0.1:7', tls: { cert_file: '/c', key_file: '/k' }", StringComparison.Ordinal)).Errors,
            error => error.Message.Contains("'tls' is known but not supported", StringComparison.Ordinal));

    [Fact]
    public void One_listener_may_serve_clients_and_workers()
    {
        var options = Compose.Options("""
            { stores: [{ name: "C", memory: {} }], schedulers: [{ name: "S", simple: {} }],
              servers: [{ listener: { http: { socket_address: "127.0.0.1:9" } }, services: { execution: [{ cas_store: "C", scheduler: "S" }], worker_api: { scheduler: "S", disable_kill_revoked_operations: true } } }] }
            """);
        Assert.Equal((9, 9, TimeSpan.Zero),
            (options.Listen.Port, options.WorkerApiListen.Port, options.Scheduler.KillRevokedInterval));
    }

    [Fact]
    public void A_scheduler_behind_others_is_found_and_what_is_left_out_is_said()
    {
        var plan = Compose.Cluster("""
            { stores: [{ name: "C", memory: {} }, { name: "A", memory: {} }],
              schedulers: [{ name: "IN", cache_lookup: { ac_store: "A", scheduler: { property_modifier: { modifications: [], scheduler: { simple: { worker_timeout_s: 44, experimental_backend: { redis: { redis_store: "R" } } } } } } } }],
              servers: [{ listener: { http: { socket_address: "127.0.0.1:9" } }, services: { execution: [{ cas_store: "C", scheduler: "IN" }] } }] }
            """);
        Assert.Equal(44, plan.Options!.Scheduler.WorkerTimeout.TotalSeconds);
        foreach (var said in (string[])["'cache_lookup'", "redis"])
            Assert.Contains(plan.Notes, note => note.Message.Contains(said, StringComparison.Ordinal));
    }

    [Fact]
    public void A_file_that_serves_only_a_cache_executes_nothing_and_serves_no_worker()
    {
        var options = Compose.Options(
            "{ stores: [{ name: 'C', memory: {} }, { name: 'A', memory: {} }], servers: [{ listener: { http: " +
            "{ socket_address: '127.0.0.1:7' } }, services: { cas: [{ cas_store: 'C' }], ac: [{ ac_store: 'A', " +
            "read_only: true }] } }] }");
        Assert.Equal((0, false, ""),
            (options.ExecutionInstances?.Length, options.ServesWorkerApi, Assert.Single(options.ReadOnlyActionCaches)));
        var all = Compose.Options("{ stores: [], servers: [] }");
        Assert.Equal(
            (null, true, 0), (all.ExecutionInstances?.Length, all.ServesWorkerApi, all.ReadOnlyActionCaches.Length));
        Assert.Equal(["main"], Compose.Options(Compose.AllInOne).ExecutionInstances!.Value.AsEnumerable());
    }

    [Theory]
    [InlineData("property_modifier: { modifications: [{ remove: 'x' }], scheduler: { simple: {} } }", "",
        "'127.0.0.1:7'", "'property_modifier' is known but not supported")]
    [InlineData("simple: {}", ", { instance_name: '', ac_store: 'A' }", "'127.0.0.1:7'",
        "'read_only' holds for the instance ''")]
    [InlineData("simple: {}", "", "'127.0.0.1:7'", "required: true",
        "experimental_identity_header: { header_name: 'x', required: true },")]
    [InlineData("simple: {}", "", "'0.0.0.0:7'", "for this machine alone", "",
        ", { listener: { http: { socket_address: '127.0.0.1:8' } }, services: { cas: [{ cas_store: 'C' }] } }")]
    public void What_protects_and_cannot_be_honoured_is_refused(
        string scheduler, string cache, string address, string says, string server = "", string other = "")
    {
        var plan = Compose.Cluster($$"""
            { stores: [{ name: "C", memory: {} }, { name: "A", memory: {} }], schedulers: [{ name: "S", {{scheduler}} }],
              servers: [{ {{server}} listener: { http: { socket_address: {{address}} } }, services: { ac: [{ ac_store: "A", read_only: true } {{cache}}], execution: [{ cas_store: "C", scheduler: "S" }] } } {{other}}] }
            """);
        var error = Assert.Single(plan.Errors);
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
        Assert.True(error.Line > 0);
    }

    [Theory]
    [InlineData("schedulers: [],", "no scheduler named 'S'")]
    [InlineData("schedulers: [{ name: 'S', grpc: { endpoint: { address: 'http://h:1' } } }],",
        "'grpc' scheduler hands actions to another server")]
    public void A_scheduler_that_is_not_there_is_an_error(string schedulers, string says)
    {
        var plan = Compose.Cluster(
            $"{{ stores: [{{ name: 'C', memory: {{}} }}], {schedulers} servers: [{{ listener: {{ http: " +
            $"{{ socket_address: '127.0.0.1:9' }} }}, services: {{ execution: [{{ cas_store: 'C', scheduler: " +
            $"'S' }}] }} }}] }}");
        Assert.Contains(says, Assert.Single(plan.Errors).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Workers_in_the_cluster_s_process_use_its_store_its_action_cache_and_its_scheduler()
    {
        using var directory = new TemporaryStore();
        var (config, cluster) = (Compose.Load(Compose.AllInOne), Compose.Cluster(Compose.AllInOne));
        var plan = WorkerComposition.Compose(config, new WorkerSwitches(), cluster);
        Assert.Empty(plan.Errors);
        var scheduler = new WorkerApiEndpointOptions(new GrpcEndpointOptions(new Uri("http://127.0.0.1:2")));
        var running = new RunningCluster(new Uri("http://127.0.0.1:1"), directory.Store, directory.Options, scheduler);
        var host = plan.Bind(running).Single();
        Assert.Same(directory.Store, host.SharedStore);
        Assert.Equal((true, directory.Options), (host.Cas.LocalStoreOnly, host.LocalStore));
        var worker = Assert.Single(host.Workers);
        Assert.Same(scheduler, worker.Connection.SchedulerEndpoint);
        Assert.Equal(("http://127.0.0.1:1/", "main", ResultStrategy.SuccessOnly), (
            worker.Actions.Results.ActionCache!.Endpoints[0].Address.AbsoluteUri,
            worker.Actions.Results.ActionCache.InstanceName, worker.Actions.Results.ActionCacheStrategy));
    }

    [Fact]
    public void A_worker_store_in_front_of_the_served_one_is_left_out()
    {
        var text = Compose.AllInOne.Replace("slow: { noop: {} }", "slow: { ref_store: { name: \"MAIN_CAS\" } }",
            StringComparison.Ordinal)
            .Replace(
                "{ stores: [",
                "{ stores: [ { name: \"MAIN_CAS\", filesystem: { content_path: \"/srv/n/main\", temp_path: " +
                "\"/srv/n/main-tmp\" } },", StringComparison.Ordinal)
            .Replace("cas_store: \"NEAR\"", "cas_store: \"MAIN_CAS\"", StringComparison.Ordinal);
        var cluster = Compose.Cluster(text);
        Assert.Equal("/srv/n/main", cluster.Options!.Cas.ContentPath);
        var plan = WorkerComposition.Compose(Compose.Load(text), new WorkerSwitches(), cluster);
        Assert.True(Assert.Single(plan.Hosts).UsesClusterCas);
        Assert.Equal("/srv/n/main", plan.Hosts[0].Options.LocalStore.ContentPath);
        Assert.Contains(
            plan.Notes, note => note.Message.Contains("/srv/n/cas is not needed", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("grpc: { endpoints: [{ address: 'grpc://elsewhere.test:1' }], store_type: 'cas' }")]
    [InlineData("filesystem: { content_path: '/srv/x/c', temp_path: '/srv/x/t' }")]
    public void A_worker_whose_store_does_not_lead_to_the_served_CAS_is_an_error(string slow)
    {
        var text = Compose.AllInOne.Replace("slow: { noop: {} }", $"slow: {{ {slow} }}", StringComparison.Ordinal)
            .Replace("cas_store: \"NEAR\"", "cas_store: \"OTHER\"", StringComparison.Ordinal)
            .Replace("{ stores: [", "{ stores: [ { name: \"OTHER\", memory: {} },", StringComparison.Ordinal);
        var plan = WorkerComposition.Compose(Compose.Load(text), new WorkerSwitches(), Compose.Cluster(text));
        Assert.Contains("would not be found", Assert.Single(plan.Errors).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_summary_says_what_a_file_means_or_every_mistake()
    {
        var summary = ConfigSummary.Check(Compose.AllInOne, "all.json5", _ => null);
        Assert.Empty(summary.Errors);
        var text = string.Join('\n', summary.Lines);
        foreach (var said in (string[])["all.json5: 1 worker", "http://127.0.0.1:50061",
            "/srv/n/actions (wiped at start)", "cpu_count=4", "/srv/n/cas, at most 10 GB", "/srv/n/directory_cache",
            "clients at 127.0.0.1:50051"])
            Assert.Contains(said, text, StringComparison.Ordinal);
        Assert.NotEmpty(summary.Notes);
        Assert.NotEmpty(ConfigSummary.Check("{ stores: [] , srvers: 1 }", "bad.json5", _ => null).Errors);
        Assert.NotEmpty(ConfigSummary.Check(Compose.WorkerFile("{ redis_store: {} }"), "bad.json5", _ => null).Errors);
        Assert.Equal(["none.json5: no worker"], ConfigSummary.Check(
            "{ stores: [], servers: [] }", "none.json5", _ => null).Lines.AsEnumerable());
    }

    private static string Served(string stores, string more = "") => $$"""
        { stores: [{{stores}}], schedulers: [{ name: "S", simple: {} }],
          servers: [{ listener: { http: { socket_address: '127.0.0.1:7' } }, services: { cas: [{ cas_store: "C" } {{more}}], ac: [{ ac_store: "A" }], execution: [{ cas_store: "C", scheduler: "S" }] } }] }
        """;

    /// <summary>A real store in a directory that goes away.</summary>
    private sealed class TemporaryStore : IDisposable
    {
        private readonly TempDirectory _path = new();

        public TemporaryStore()
        {
            Options = new ContentStoreOptions(_path.At("cas"), _path.At("temp"));
            Store = ContentStore.Open(Options, TimeProvider.System);
        }

        public ContentStoreOptions Options { get; }

        public ContentStore Store { get; }

        public void Dispose()
        {
            Store.Dispose();
            _path.Dispose();
        }
    }
}
