using System.Collections.Immutable;
using System.CommandLine;
using NativeLink.Actors.Cli.Composition;

namespace NativeLink.Actors.Cli.Tests.Composition;

/// <summary>Our own settings: a switch wins over a variable, a variable over the file.</summary>
public sealed class OwnSettingsTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("--drain-timeout 1s", "2s", "{ \"drain_timeout\": \"3s\" }", 1)]
    [InlineData("", "2s", "{ \"drain_timeout\": \"3s\" }", 2)]
    [InlineData("", "", "{ \"drain_timeout\": \"3s\" } // of ours", 3)]
    [InlineData("", "", "{ \"drain_timeout\": 4 }", 4)]
    public void A_switch_wins_over_a_variable_and_that_over_the_file(
        string switches, string variable, string file, int seconds)
    {
        var read = Read($"{switches} --settings {File(file)}", ("NLA_DRAIN_TIMEOUT", variable));
        Assert.Equal(TimeSpan.FromSeconds(seconds), read.DrainTimeout);
    }

    [Fact]
    public void The_file_may_be_named_by_a_variable_and_sets_whatever_a_switch_can()
    {
        var file = File("""
            {
              "materialiser": "Copy", "scratch_memory": "1gb", "on_disconnect": "finish",
              "on_disconnect_bound": "90s", "breaker_failures": 0, "breaker_window": "5m"
            }
            """);
        var read = Read("", ("NLA_SETTINGS", file));
        Assert.Equal(("copy", 1_000_000_000L), (read.Materialiser, read.ScratchMemoryBytes));
        Assert.Equal((true, TimeSpan.FromSeconds(90)), (read.OnDisconnect!.Finish, read.OnDisconnect.Bound));
        Assert.Equal((0, TimeSpan.FromMinutes(5)), (read.BreakerFailures, read.BreakerWindow));
    }

    [Theory]
    [InlineData("{ \"drain_timout\": 4 }", "'drain_timout' is no setting (did you mean 'drain_timeout'?)")]
    [InlineData("{ \"drain_timeout\": \"soon\" }", "drain_timeout soon: write a positive duration")]
    [InlineData("{ \"drain_timeout\": [1] }", "drain_timeout: one value belongs there")]
    [InlineData("{ \"drain_timeout\" }", "LineNumber: 0")]
    [InlineData("{ \"on_disconnect\": \"finnish\" }", "write kill or finish (did you mean 'finish'?)")]
    [InlineData("{ \"breaker_failures\": -1 }", "write a whole number, 0 or more")]
    public void A_mistake_in_the_file_is_told_with_its_key(string file, string told)
    {
        var path = File(file);
        var error = Assert.Throws<UsageException>(() => Read($"--settings {path}"));
        Assert.Contains(told, error.Message, StringComparison.Ordinal);
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_mistake_in_a_variable_names_it_and_a_file_that_is_not_there_is_told()
    {
        var error = Assert.Throws<UsageException>(() => Read("", ("NLA_SCRATCH_MEMORY", "much")));
        Assert.StartsWith("NLA_SCRATCH_MEMORY much: write", error.Message, StringComparison.Ordinal);
        error = Assert.Throws<UsageException>(() => Read("--settings /no/such/file.json"));
        Assert.Equal("--settings /no/such/file.json: there is no such file", error.Message);
    }

    private string File(string text)
    {
        var path = _directory.At("settings.json");
        System.IO.File.WriteAllText(path, text);
        return path;
    }

    private static WorkerSwitches Read(string line, params (string Name, string Value)[] variables)
    {
        var command = new RootCommand();
        var options = new WorkerSwitchOptions();
        options.AddTo(command);
        return options.Read(command.Parse(line.Trim()),
            variables.ToImmutableDictionary(variable => variable.Name, variable => variable.Value));
    }
}
