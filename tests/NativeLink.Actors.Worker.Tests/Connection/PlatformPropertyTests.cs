using System.Collections.Immutable;
using NativeLink.Actors.Worker.Connection;
using NativeLink.Actors.Worker.Operations;

namespace NativeLink.Actors.Worker.Tests.Connection;

public sealed class PlatformPropertyTests : ConnectionSpec
{
    private static ConnectionOptions With(ConnectionOptions options, params PlatformPropertySource[] sources) =>
        options with { PlatformProperties = [.. sources] };

    private static PlatformPropertySource Fixed(string name, params string[] values) => new(name, [.. values], null);

    private static PlatformPropertySource Query(string name, string command) => new(name, [], command);

    [Fact]
    public async Task NL_095_NL_115_Properties_are_announced_flat_in_order_with_the_lines_of_queries()
    {
        Launcher.Script = _ => (0, "hello\n  goodbye \n\n", []);
        Connect(options => With(options, Fixed("baz", "bar1", "bar2"), Query("q", "printf 'x y'")));
        var hello = (await Link.NextAsync()).Hello;
        Assert.Equal([("baz", "bar1"), ("baz", "bar2"), ("q", "hello"), ("q", "goodbye")],
            hello.Properties.Select(property => (property.Name, property.Value)));
        Assert.Equal("", hello.WorkerIdPrefix);
        Assert.Equal(0UL, hello.MaxInflightTasks);
        Assert.Equal(["printf", "x y"], Assert.Single(Launcher.Plans).Arguments);
    }

    [Fact]
    public async Task A_query_sees_only_fixed_values_and_the_workers_own_variables()
    {
        Connect(options => With(options, Query("q", "env")) with { Name = "east-" }, new ExecutorOptions
        {
            OwnEnvironment = ImmutableDictionary<string, string>.Empty.Add("OWN", "mine").Add("LEAK", "secret"),
            AdditionalEnvironment =
            [
                new EnvironmentEntry("V", EnvironmentSource.Value, "fixed"), new EnvironmentEntry(
                    "OWN", EnvironmentSource.FromEnvironment),
                new EnvironmentEntry("P", EnvironmentSource.Property, "x"), new EnvironmentEntry(
                    "T", EnvironmentSource.TimeoutMillis),
            ],
        });
        Assert.Equal("east-", (await Link.NextAsync()).Hello.WorkerIdPrefix);
        Assert.Equal([new("V", "fixed"), new("OWN", "mine")], Assert.Single(Launcher.Plans).Environment);
    }

    [Fact]
    public async Task NL_117_A_query_that_fails_is_an_error_that_says_so_and_is_asked_again()
    {
        Launcher.Script = _ => (1, "", "no such tool"u8.ToArray());
        await EventFilter.Warning(contains: "exit code 1: no such tool").ExpectOneAsync(() =>
        {
            Connect(options => With(options, Query("tool", "false")));
            return Task.CompletedTask;
        });
        Assert.False(Link.Connected);
        Launcher.Script = _ => (0, "1.2\n", []);
        await AdvanceUntilAsync(() => Link.Connected);
        Assert.Equal("1.2", Assert.Single((await Link.NextAsync()).Hello.Properties).Value);
    }

    [Fact]
    public async Task NL_116_A_query_with_an_open_quote_names_its_property() =>
        await EventFilter.Warning(contains: "query_cmd of property 'tool'").ExpectOneAsync(() =>
        {
            Connect(options => With(options, Query("tool", @"'\")));
            return Task.CompletedTask;
        });

    [Fact]
    public async Task NL_118_NL_119_A_query_that_writes_only_to_stderr_even_not_UTF_8_announces_nothing()
    {
        Launcher.Script = _ => (0, "", [0xff, 0xfe, 0x80]);
        Connect(options => With(options, Query("tool", "true"), Fixed("a", "b")));
        Assert.Equal("a", Assert.Single((await Link.NextAsync()).Hello.Properties).Name);
    }

    [Fact]
    public async Task A_query_that_prints_nothing_and_so_leaves_no_file_announces_nothing()
    {
        Launcher.Script = _ => (0, "", []);
        Connect(options => With(options, Query("tool", "true"), Fixed("a", "b")));
        Assert.Equal("a", Assert.Single((await Link.NextAsync()).Hello.Properties).Name);
    }

    [Fact]
    public async Task Queries_run_again_at_each_connect()
    {
        var count = 0;
        Launcher.Script = _ => (0, $"{++count}\n", []);
        var stream = await RegisteredAsync(options => With(options, Query("n", "count")));
        Assert.Equal("1", stream.Hello.Properties[0].Value);
        stream.End();
        await stream.Disposed;
        await AdvanceUntilAsync(() => Link.Connected);
        Assert.Equal("2", (await AcceptAsync()).Hello.Properties[0].Value);
    }
}
