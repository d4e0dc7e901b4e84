using NativeLink.Actors.Cli.Composition;

namespace NativeLink.Actors.Cli.Tests.Composition;

public sealed class SwitchTextTests
{
    [Theory]
    [InlineData("90", 90)]
    [InlineData("1.5", 1.5)]
    [InlineData("30s", 30)]
    [InlineData("500ms", 0.5)]
    [InlineData("1m30s", 90)]
    [InlineData("1h 2m 3s", 3723)]
    public void Durations_are_seconds_or_a_sum_with_units(string text, double seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), SwitchText.Duration("--timeout", text));

    [Theory]
    [InlineData("")]
    [InlineData("0")]
    [InlineData("-5")]
    [InlineData("5x")]
    [InlineData("1m30")]
    [InlineData("99999999999h")]
    public void Other_durations_are_refused_with_an_example(string text) =>
        Assert.Contains("1m30s", Assert.Throws<UsageException>(() => SwitchText.Duration("--timeout", text)).Message,
            StringComparison.Ordinal);
}
