using System.Globalization;
using NativeLink.Actors.Configuration.Model;

namespace NativeLink.Actors.Configuration.Tests;

/// <summary>Loads texts for the tests: whole files, and a small worker file with parts replaced.</summary>
internal static class Load
{
    public const string Stores = """
        { name: "FAR", grpc: { instance_name: "main", endpoints: [{ address: "grpc://cas:50051" }], store_type: "cas" } },
        { name: "NEAR", fast_slow: { fast: { filesystem: { content_path: "/srv/n/cas", temp_path: "/srv/n/tmp" } }, slow: { ref_store: { name: "FAR" } } } },
        { name: "RESULTS", grpc: { endpoints: [{ address: "grpc://cas:50051" }], store_type: "ac" } },
        """;

    public const string Local = """
        worker_api_endpoint: { uri: "grpc://scheduler:50061" }, cas_fast_slow_store: "NEAR", work_directory: "/srv/n/actions",
        platform_properties: {}, upload_action_result: { ac_store: "RESULTS" },
        """;

    /// <summary>
    /// A file with one worker; <paramref name="local"/> is added to the worker,
    /// <paramref name="top"/> to the top level.
    /// </summary>
    public static string WorkerFile(string local = "", string stores = "", string top = "servers: []") =>
        $$"""
        { stores: [ {{Stores}} {{stores}} ],
          workers: [ { local: { {{Local}} {{local}} } } ],
          {{top}} }
        """;

    public static ConfigLoadResult Text(string text, params (string Name, string Value)[] variables) =>
        ConfigLoader.Load(
            text, "test.json5", name => variables.FirstOrDefault(variable => variable.Name == name).Value);

    /// <summary>Loads what has to be right.</summary>
    public static NativeLinkConfig Good(string text, params (string Name, string Value)[] variables)
    {
        var result = Text(text, variables);
        Assert.Empty(result.Errors);
        return result.Model!;
    }

    public static WorkerConfig GoodWorker(string local = "", string stores = "",
        params (string Name, string Value)[] variables) =>
        Good(WorkerFile(local, stores), variables).Workers.Single();

    /// <summary>Loads what has exactly one mistake.</summary>
    public static ConfigError Bad(string text)
    {
        var result = Text(text);
        Assert.Null(result.Model);
        return Assert.Single(result.Errors);
    }

    /// <summary>Asserts that the one mistake is at that path and says what is expected.</summary>
    public static void Refuses(string text, string path, string says)
    {
        var error = Bad(text);
        Assert.Equal(path, error.Path);
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
        Assert.True(error.Line > 0 && error.Column > 0, error.ToString());
    }

    public static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}
