using Microsoft.Extensions.Logging;
using NativeLink.Actors.Cli.Client;
using NativeLink.Actors.Cli.Commands;
using NativeLink.Actors.Cli.Composition;
using NativeLink.Actors.Cli.Hosting;

namespace NativeLink.Actors.Cli.Tests.Commands;

public sealed class SharedTests
{
    [Theory]
    [InlineData("127.0.0.1:50051", "127.0.0.1:50051")]
    [InlineData("localhost:0", "127.0.0.1:0")]
    [InlineData("[::1]:7", "[::1]:7")]
    public void Addresses_are_IP_and_port(string text, string expected) =>
        Assert.Equal(expected, SwitchText.Address("--listen", text).ToString());

    [Theory]
    [InlineData("50051")]
    [InlineData("127.0.0.1")]
    [InlineData("host:port")]
    [InlineData("127.0.0.1:70000")]
    public void Other_addresses_are_refused(string text) =>
        Assert.Throws<UsageException>(() => SwitchText.Address("--listen", text));

    [Theory]
    [InlineData("grpc://h:1", "http://h:1/")]
    [InlineData("h:1", "http://h:1/")]
    [InlineData("http://h:8980", "http://h:8980/")]
    [InlineData("grpcs://h:443", "https://h/")]
    [InlineData("https://h", "https://h/")]
    public void Executors_are_named_by_any_of_the_usual_schemes(string text, string expected) =>
        Assert.Equal(expected, RemoteExecutorOptions.ParseAddress(text).ToString());

    [Theory]
    [InlineData("ftp://h:1")]
    [InlineData("grpc://h")]
    [InlineData("grpc://")]
    public void Other_executors_are_refused(string text) =>
        Assert.Throws<UsageException>(() => RemoteExecutorOptions.ParseAddress(text));

    [Fact]
    public void Pairs_split_at_the_first_equals_sign() =>
        Assert.Equal([new("A", "1=2"), new("B", "")], Shared.Pairs("--env", ["A=1=2", "B="]));

    [Theory]
    [InlineData("DEBUG", "ERROR", null, LogLevel.Debug)]
    [InlineData(null, "warn", "debug", LogLevel.Warning)]
    [InlineData(null, null, "nativelink=trace,debug", LogLevel.Debug)]
    [InlineData(null, null, "nativelink=trace", LogLevel.Information)]
    [InlineData(null, null, null, LogLevel.Information)]
    public void The_level_is_the_switches_then_NL_LOGs_then_what_RUST_LOG_says_for_everything(
        string? option, string? nlLog, string? rustLog, LogLevel expected) =>
        Assert.Equal(expected, Logs.ChooseLevel(option, nlLog, rustLog, LogLevel.Information));
}
