using CsCheck;

namespace NativeLink.Actors.Configuration.Tests;

/// <summary>
/// Whatever the text is, the loader answers: a model,
/// or mistakes with their places; never an exception.
/// </summary>
public sealed class HostileInputTests
{
    private const string Seed = """
        // all kinds of values
        { stores: [ { name: "A", grpc: { endpoints: [{ address: "grpcs://h:1", tls_config: { ca_file: "/x" } }], store_type: 'cas', retry: { delay: 0.1 } } },
                    { name: "B", fast_slow: { fast: { filesystem: { content_path: "/n/c", temp_path: "/n/t", eviction_policy: { max_bytes: "1.5GiB" } } }, slow: { ref_store: { name: "A" } } } },
                    { name: "R", redis_store: { x: [1, 2] } } ],
          workers: [ { local: { worker_api_endpoint: { uri: "grpc://s:1", timeout: 5.5 }, cas_fast_slow_store: "B", work_directory: "/n/w", max_inflight_tasks: "${N:-3}",
                       platform_properties: { cpu: { values: ["1", '2'] }, q: { query_cmd: "nproc" } }, upload_action_result: { upload_ac_results_strategy: "never" },
                       additional_environment: { a: "from_environment", b: { value: "\u0041" } }, max_action_timeout: "1m 10s" } } ],
          schedulers: [ { name: "S", simple: { supported_platform_properties: { cpu: "minimum" }, worker_match_logging_interval_s: -1 } } ],
          servers: [ { listener: { http: { socket_address: "127.0.0.1:1" } }, services: { cas: { "": { cas_store: "A" } }, bytestream: { cas_stores: { m: "A" } }, worker_api: { scheduler: "S" } } } ],
          global: { max_open_files: 0x10 }, }
        """;

    private static readonly string[] Pieces =
    [
        "{", "}", "[", "]", ",", ":", "\"", "'", "\\", "//", "/*", "*/", "\n", "\r", "\0", "null", "true", "-", "+",
        ".", "0", "9999999999999999999999", "1e999", "NaN", "Infinity",
        "${", "$", "undefined", "new X(", "\uFEFF", "\u2028", "\uD800", "é", "-1", "{}", "[]", "\"\"", "grpc", "stores",
        "workers", "local", "name", "ref_store", "cas_stores", "0x", "~", "/",
    ];

    private static readonly Gen<string> Piece = Gen.Int[0, Pieces.Length - 1].Select(index => Pieces[index]);

    [Fact]
    public void The_seed_itself_is_right() => Assert.Empty(Load.Text(Seed).Errors);

    [Fact]
    public void Mutated_files_are_always_answered_with_places() =>
        Mutations.Sample(text => Answers(text), iter: 4_000, seed: "0N0XIzNsQ0O2");

    [Fact]
    public void Random_texts_are_always_answered_with_places() =>
        Gen.OneOf(Gen.String, Piece.Array[0, 60].Select(string.Concat))
            .Sample(text => Answers(text), iter: 4_000, seed: "0N0XIzNsQ0O2");

    [Fact]
    public void Every_prefix_of_a_file_is_answered()
    {
        for (var length = 0; length < Seed.Length; length++)
            Assert.True(Answers(Seed[..length]), $"the first {length} characters");
    }

    private static Gen<string> Mutations => Gen.Select(
        Gen.Int[0, Seed.Length], Gen.Int[0, 12], Gen.OneOf(Piece, Gen.String[0, 4])).Array[1, 4].Select(edits =>
    {
        var text = Seed;
        foreach (var (at, removed, inserted) in edits)
        {
            var start = Math.Min(at, text.Length);
            text = string.Concat(text.AsSpan(0, start), inserted, text.AsSpan(Math.Min(start + removed, text.Length)));
        }

        return text;
    });

    private static bool Answers(string text)
    {
        var result = Load.Text(text);
        var lines = text.Split(["\r\n", "\n", "\r"], StringSplitOptions.None);
        return (result.Model is null) == !result.Errors.IsEmpty
            && result.Errors.All(error => error.Message.Length > 0 && error.Path.Length > 0 && error.Column > 0
                && error.Line > 0 && error.Line <= lines.Length && error.Column <= lines[error.Line - 1].Length + 2);
    }
}
