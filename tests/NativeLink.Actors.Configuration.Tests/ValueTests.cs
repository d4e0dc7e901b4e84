using System.Globalization;
using NativeLink.Actors.Configuration.Model;

namespace NativeLink.Actors.Configuration.Tests;

/// <summary>Sizes, durations, numbers and booleans, each through the file, as protos/README.md 5.1 says.</summary>
public sealed class ValueTests
{
    [Theory]
    [InlineData("'1MB'", 1_000_000)]
    [InlineData("'1M'", 1_000_000)]
    [InlineData("'1MiB'", 1_048_576)]
    [InlineData("'1Mi'", 1_048_576)]
    [InlineData("'1.5GiB'", 1_610_612_736)]
    [InlineData("'20K'", 20_000)]
    [InlineData("'200gb'", 200_000_000_000)]
    [InlineData("'200 gb'", 200_000_000_000)]
    [InlineData("' 7 '", 7)]
    [InlineData("'512'", 512)]
    [InlineData("'1tib'", 1_099_511_627_776)]
    [InlineData("'2P'", 2_000_000_000_000_000)]
    [InlineData("'1Ei'", 1_152_921_504_606_846_976)]
    [InlineData("'12b'", 12)]
    [InlineData("'0.5'", 1)]
    [InlineData("123", 123)]
    [InlineData("0x10", 16)]
    [InlineData("0", 0)]
    [InlineData("'${SIZE}'", 5_000)]
    public void NL_362_Sizes_are_numbers_of_bytes_or_texts_with_units(string written, long bytes) =>
        Assert.Equal(bytes, SizeOf(written));

    [Theory]
    [InlineData("''")]
    [InlineData("-1")]
    [InlineData("'-1'")]
    [InlineData("'lots'")]
    [InlineData("'1XB'")]
    [InlineData("'1iB'")]
    [InlineData("'1MiBs'")]
    [InlineData("'1 2'")]
    [InlineData("'1.2.3K'")]
    [InlineData("1.5")]
    [InlineData("true")]
    [InlineData("'9Ei'")]
    [InlineData("99999999999999999999")]
    [InlineData("Infinity")]
    [InlineData("[]")]
    public void NL_363_What_is_no_size_is_refused(string written) =>
        Load.Refuses(SizeFile(written), "stores[3].memory.eviction_policy.max_bytes", "a number of bytes");

    [Theory]
    [InlineData("'600s'", 600)]
    [InlineData("'10m'", 600)]
    [InlineData("'1m 10s'", 70)]
    [InlineData("'1m10s'", 70)]
    [InlineData("' 2 hours 1 second '", 7_201)]
    [InlineData("'999h'", 3_596_400)]
    [InlineData("'1y3w4d5h6m7s'", 33_735_967)]
    [InlineData("'1M'", 2_630_016)]
    [InlineData("'500ms'", 0)]
    [InlineData("'1500ms'", 1)]
    [InlineData("'1ns'", 0)]
    [InlineData("'999ms 1ms'", 1)]
    [InlineData("600", 600)]
    [InlineData("'$SPAN'", 90)]
    public void Durations_are_seconds_or_sums_of_numbers_with_units(string written, long seconds) =>
        Assert.Equal(seconds, (long)Rpc(written).TotalSeconds);

    [Theory]
    [InlineData("-1")]
    [InlineData("'70'")]
    [InlineData("'abc'")]
    [InlineData("''")]
    [InlineData("'-5s'")]
    [InlineData("'1.5s'")]
    [InlineData("'5 s s'")]
    [InlineData("'s'")]
    [InlineData("'5 parsecs'")]
    [InlineData("'99999999999999999999s'")]
    [InlineData("'9999999999999y'")]
    [InlineData("'200y'")]
    [InlineData("3.5")]
    [InlineData("{}")]
    public void NL_361_What_is_no_duration_is_refused(string written) =>
        Load.Refuses(RpcFile(written), "stores[3].grpc.rpc_timeout_s", "this has to be a");

    [Theory]
    [InlineData("true", true)]
    [InlineData("false", false)]
    [InlineData("'true'", true)]
    [InlineData("'TRue'", true)]
    [InlineData("'FALSE'", false)]
    [InlineData("'${YES}'", true)]
    public void NL_364_Booleans_of_some_keys_may_be_texts_in_any_letter_case(string written, bool value)
    {
        var store = Load.Good(
            Load.WorkerFile(
                stores: $"{{ name: 'X', verify: {{ backend: {{ noop: {{}} }}, verify_size: {written} }} }}"), ("YES",
                    "True")).FindStore("X")!.Store;
        Assert.Equal(value, Assert.IsType<VerifyStore>(store).VerifySize);
    }

    [Fact]
    public void Booleans_of_other_keys_may_not() =>
        Load.Refuses(Load.WorkerFile("timeout_handled_externally: 'true'"),
            "workers[0].local.timeout_handled_externally", "without quotes");

    [Theory]
    [InlineData("42", 42)]
    [InlineData("'  42 '", 42)]
    [InlineData("'${COUNT:-7}'", 7)]
    [InlineData("0x2A", 42)]
    public void Numbers_may_be_texts(string written, int value) =>
        Assert.Equal(value, Load.GoodWorker($"max_inflight_tasks: {written}").MaxInflightTasks);

    [Theory]
    [InlineData("-1")]
    [InlineData("'-1'")]
    [InlineData("'4x'")]
    [InlineData("''")]
    [InlineData("1.5")]
    [InlineData("NaN")]
    [InlineData("3000000000")]
    [InlineData("'9223372036854775808'")]
    [InlineData("true")]
    public void What_is_no_count_is_refused(string written) =>
        Load.Refuses(Load.WorkerFile($"max_inflight_tasks: {written}"), "workers[0].local.max_inflight_tasks",
            "has to be");

    [Theory]
    [InlineData("'500ms'", 500)]
    [InlineData("'1s'", 1)]
    [InlineData("250", 250)]
    [InlineData("0", 500)]
    public void The_cleanup_backoff_counts_in_milliseconds_and_reads_texts_as_NativeLink_does(
        string written, int milliseconds) =>
        Assert.Equal(
            milliseconds, Load.GoodWorker($"max_cleanup_backoff_ms: {written}").MaxCleanupBackoff.TotalMilliseconds);

    [Fact]
    public void NL_365_A_variable_gives_its_value_or_its_default_and_its_absence_is_an_error_that_names_it()
    {
        Assert.Equal("d", Load.GoodWorker("name: '${X:-d}'").Name);
        Assert.Equal("v", Load.GoodWorker("name: '${X:-d}'", variables: ("X", "v")).Name);
        Load.Refuses(Load.WorkerFile("name: '${X}'"), "workers[0].local.name", "environment variable X is not set");
    }

    [Theory]
    [InlineData("$A", "1")]
    [InlineData("${A}b", "1b")]
    [InlineData("a$A-$B", "a1-2")]
    [InlineData("$$A", "$A")]
    [InlineData("100$", "100$")]
    [InlineData("$-x", "$-x")]
    [InlineData("${EMPTY}", "")]
    [InlineData("${EMPTY:-other}", "")]
    [InlineData("${C:-}", "")]
    [InlineData("${C:-a:-b}", "a:-b")]
    [InlineData("${C:-${A}}", "1")]
    [InlineData("${C:-a${D:-b$B}c}}", "ab2c}")]
    [InlineData("${A:-${C}}", "1")]
    [InlineData("$A$A", "11")]
    public void Variables_are_replaced_in_every_form(string written, string value) =>
        Assert.Equal(
            value, Load.GoodWorker($"name: '{written}'", variables: [("A", "1"), ("B", "2"), ("EMPTY", "")]).Name);

    [Theory]
    [InlineData("${A")]
    [InlineData("${}")]
    [InlineData("${:-x}")]
    [InlineData("${a b}")]
    [InlineData("${C:-${A}")]
    [InlineData("${C:-${a b}}")]
    public void A_variable_that_is_written_wrong_is_refused(string written) =>
        Load.Refuses(Load.WorkerFile($"name: '{written}'"), "workers[0].local.name", "$$");

    [Fact]
    public void Texts_that_NativeLink_does_not_expand_stay_as_they_are() =>
        Assert.Equal(
            "check $HOME", Load.GoodWorker("experimental_precondition_script: 'check $HOME'").PreconditionScript);

    private static string SizeFile(string written) =>
        Load.WorkerFile(stores: $"{{ name: 'X', memory: {{ eviction_policy: {{ max_bytes: {written} }} }} }}");

    private static long SizeOf(string written) =>
        Assert.IsType<MemoryStore>(Load.Good(SizeFile(written), ("SIZE", 5_000.ToString(CultureInfo.InvariantCulture)))
            .FindStore("X")!.Store).Eviction.MaxBytes;

    private static string RpcFile(string written) =>
        Load.WorkerFile(
            stores: $"{{ name: 'X', grpc: {{ endpoints: [{{ address: 'http://h:1' }}], store_type: 'cas', " +
                $"rpc_timeout_s: {written} }} }}");

    private static TimeSpan Rpc(string written) =>
        Assert.IsType<GrpcStore>(Load.Good(RpcFile(written), ("SPAN", "1m30s")).FindStore("X")!.Store).RpcTimeout;
}
