using NativeLink.Actors.Configuration.Model;

namespace NativeLink.Actors.Configuration.Tests;

/// <summary>The short form: one worker, its keys at the top level.</summary>
public sealed class FlatFormTests
{
    private const string Endpoint =
        """ "worker_api_endpoint": { "address": "grpc://sched.test:50061" }, "work_directory": "/srv/n/actions" """;

    private const string Cas =
        """ "cas_stores": { "MAIN": { "grpc": { "instance_name": "m", "endpoints": [{ "address": "grpc://cas.test:50051" }], "store_type": "cas" } } } """;

    [Fact]
    public void The_short_form_is_read_as_one_worker_that_writes_no_action_cache()
    {
        var config = Load.Good($$"""
            { {{Endpoint}}, {{Cas}},
              "platform_properties": { "cpu": "arm64", "os": "${OS:-linux}", "count": { "query_cmd": "nproc" } },
              "max_inflight_tasks": 3, "timeout": "20m", "upload_timeout": "30s", "precondition_script": "/bin/check" }
            """);
        var worker = Assert.Single(config.Workers);
        Assert.True(config.IsFlatForm);
        Assert.Equal(("MAIN", 3, 1200, 30, "/bin/check", "/srv/n/actions"),
            (worker.CasStore, worker.MaxInflightTasks, worker.MaxActionTimeout.TotalSeconds,
                worker.MaxUploadTimeout.TotalSeconds, worker.PreconditionScript, worker.WorkDirectory));
        Assert.Equal(["arm64", "linux"], worker.PlatformProperties.SelectMany(property => property.Values));
        Assert.Equal("nproc", worker.PlatformProperties[2].QueryCommand);
        Assert.Equal((UploadStrategy.Never, null), (worker.Results.AcStrategy, worker.Results.AcStore));
        Assert.Equal("sched.test", worker.Endpoint.Uri.Host);
        Assert.Equal("m", Assert.IsType<GrpcStore>(config.FindStore("MAIN")!.Store).InstanceName);
    }

    [Fact]
    public void A_fast_slow_store_is_taken_before_the_others_and_the_long_form_s_keys_are_known()
    {
        var config = Load.Good($$"""
            { {{Endpoint}}, max_action_timeout_s: 5, directory_cache: {}, name: "n",
              cas_stores: {
                FAR: { grpc: { endpoints: [{ address: "grpc://c:1" }], store_type: "cas" } },
                SHARED: { fast_slow: { fast: { filesystem: { content_path: "/srv/n/cas", temp_path: "/srv/n/tmp", eviction_policy: { max_bytes: "200gb" } } }, slow: { ref_store: { name: "FAR" } } } },
                AC: { grpc: { endpoints: [{ address: "grpc://c:1" }], store_type: "ac" } } },
              upload_action_result: { ac_store: "AC" } }
            """);
        var worker = Assert.Single(config.Workers);
        Assert.Equal(("SHARED", "AC", UploadStrategy.SuccessOnly, 5, "n"), (worker.CasStore, worker.Results.AcStore,
            worker.Results.AcStrategy, worker.MaxActionTimeout.TotalSeconds, worker.Name));
    }

    [Theory]
    [InlineData(Endpoint, "(file)", "'cas_stores' is missing")]
    [InlineData(Endpoint + ", cas_stores: {}", "cas_stores", "is empty")]
    [InlineData(Endpoint + ", cas_stores: { A: { memory: {} } }", "cas_stores", "'fast_slow' store")]
    [InlineData(Endpoint + ", cas_stores: { A: { grpc: { endpoints: [{ address: 'grpc://c' }], store_type: 'ac' } } }",
        "cas_stores", "an action cache")]
    [InlineData(Endpoint + ", cas_stores: { A: { noop: {} }, B: { noop: {} } }", "cas_stores",
        "nothing says which one")]
    [InlineData(Endpoint + "," + Cas + ", max_inflight: 3", "max_inflight", "did you mean 'max_inflight_tasks'")]
    [InlineData(Endpoint + "," + Cas + ", platform_properties: { a: 16 }", "platform_properties.a",
        "a string in quotes")]
    [InlineData("cas_stores: { A: { noop: {} }, B: { noop: {} } }, cas_fast_slow_store: 'C', "
        + Endpoint, "cas_fast_slow_store", "no store named 'C'")]
    [InlineData("\"work_directory\": \"/srv/n/actions\", " + Cas, "(file)", "'worker_api_endpoint' is missing")]
    public void A_mistake_in_the_short_form_is_refused_where_it_is(string keys, string path, string says) =>
        Load.Refuses($"{{ {keys} }}", path, says);

    [Fact]
    public void The_two_forms_do_not_mix() =>
        Assert.Contains(Load.Text($"{{ {Cas}, stores: [], servers: [] }}").Errors,
            error => error is { Path: "cas_stores", Line: 1 }
                && error.Message.Contains("not a key", StringComparison.Ordinal));
}
