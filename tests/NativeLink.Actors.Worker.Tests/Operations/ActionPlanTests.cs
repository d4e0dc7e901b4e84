using System.Collections.Immutable;
using Google.Protobuf.WellKnownTypes;
using NativeLink.Actors.Storage;
using NativeLink.Actors.Worker.Inputs;
using NativeLink.Actors.Worker.Operations;
using static NativeLink.Actors.Worker.Tests.Operations.Actions;

namespace NativeLink.Actors.Worker.Tests.Operations;

public sealed class ActionPlanTests : IDisposable
{
    private readonly TempDirectory _root = new();

    public void Dispose() => _root.Dispose();

    private sealed record FakeDirectory(string Path) : IActionDirectory
    {
        public string ScriptStdoutPath => throw new NotSupportedException("no script runs here");

        public string ScriptStderrPath => throw new NotSupportedException("no script runs here");

        public Storage.WorkDirectories.IStagingDirectory Staging =>
            throw new NotSupportedException("nothing is staged here");

        public Func<Action?> Enter() => throw new NotSupportedException("nothing runs here");

        public RunFindings Inspect(Storage.Materialisers.IInputRoot root, bool hasSideChannel) => RunFindings.None;

        public ScriptFindings TakeScript() => ScriptFindings.None;

        public void Account(long bytes)
        {
        }

        public void Dispose()
        {
        }
    }

    [Fact]
    public void NL_065_NL_067_NL_068_NL_069_NL_073_Arguments_and_environment_have_six_sources_and_the_command_wins()
    {
        var options = Options() with
        {
            Entrypoint = "/opt/my wrapper",
            OwnEnvironment = ImmutableDictionary<string, string>.Empty.Add("OWN", "mine").Add("FOO", "leak"),
            AdditionalEnvironment =
            [
                new("V", EnvironmentSource.Value, "fixed"), new("OWN", EnvironmentSource.FromEnvironment), new(
                    "UNSET", EnvironmentSource.FromEnvironment),
                new("P1", EnvironmentSource.Property, "modified"), new("P2", EnvironmentSource.Property, "of-action"),
                new("P3", EnvironmentSource.Property, "absent"), new("T", EnvironmentSource.TimeoutMillis), new(
                    "S", EnvironmentSource.SideChannelFile),
                new("D", EnvironmentSource.ActionDirectory), new("WIN", EnvironmentSource.Value, "no"),
            ],
        };
        var command = Command("tool", "a b");
        command.EnvironmentVariables.Add(new Reapi.Command.Types.EnvironmentVariable { Name = "WIN", Value = "yes" });
        var action = Action(timeout: Duration.FromTimeSpan(TimeSpan.FromSeconds(12)));
        action.Platform = Platform(("modified", "old"), ("of-action", "here"));
        var plan = ActionPlan.Create(Assignment(platform: ("modified", "new")), action, command, options);
        var process = plan.ToProcess(new FakeDirectory("/w/op"), "/w/op/work");
        Assert.Equal(["/opt/my wrapper", "tool", "a b"], process.Arguments);
        Assert.Equal(
            [
                new("V", "fixed"), new("OWN", "mine"), new("UNSET", ""), new("P1", "new"), new("P2", "here"), new(
                    "P3", ""), new("T", "12000"),
                new("S", "/w/op/side_channel"), new("D", "/w/op"), new("WIN", "yes"),
            ],
            process.Environment);
        Assert.Equal(("/w/op/work", "/w/op/stdout", "/w/op/stderr"),
            (process.WorkingDirectory, process.StdoutPath, process.StderrPath));
    }

    [Fact]
    public void NL_013_NL_014_NL_015_Parents_of_all_three_output_lists_are_made_below_the_working_directory()
    {
#pragma warning disable CS0612
        var command = new Reapi.Command
        {
            WorkingDirectory = "wd",
            OutputPaths = { "a/p", "../beside/q", "top" },
            OutputFiles = { "b/f" },
            OutputDirectories = { "c/d/e" },
        };
#pragma warning restore CS0612
        Assert.Equal(["beside", "wd", "wd/a", "wd/b", "wd/c/d"], CommandPaths.Parents(command));
    }

    [Theory]
    [InlineData("", 256)]
    [InlineData("dir/", 300)]
    [InlineData("", 5000)]
    public void An_output_path_with_a_name_that_no_file_system_takes_is_the_actions_fault(string before, int length)
    {
        var command = new Reapi.Command { OutputPaths = { before + new string('n', length) } };
        Assert.Equal(FaultKind.Action, Assert.Throws<FaultException>(() => CommandPaths.Parents(command)).Fault.Kind);
        command = new Reapi.Command { OutputPaths = { before + new string('n', 255) + "/f" } };
        Assert.Single(CommandPaths.Parents(command));
    }

    [Fact]
    public void The_message_about_a_long_name_does_not_cut_a_surrogate_pair()
    {
        var fault = Assert.Throws<FaultException>(() => CommandPaths.Parents(
            new Reapi.Command { OutputPaths = { new string('a', 39) + "\U0001F600" + new string('b', 300) } })).Fault;
        Assert.Equal(FaultKind.Action, fault.Kind);
        Assert.DoesNotContain(fault.Detail, char.IsSurrogate);
    }

    [Fact]
    public void Output_parents_leave_the_directories_around_them_as_old_as_all_inputs()
    {
        var time = DateTime.UnixEpoch.AddSeconds(InputTime.Seconds);
        Directory.CreateDirectory(_root.At("input"));
        Directory.SetLastWriteTimeUtc(_root.At("input"), time);
        OutputParents.Create(_root.Path, ["input/a/b", "input/c", "own"], "");
        foreach (var path in (string[])["", "input", "input/a", "input/a/b", "input/c"])
            Assert.Equal((path, time), (path, Directory.GetLastWriteTimeUtc(_root.At(path))));
    }

    [Fact]
    public void Output_parents_that_are_too_deep_for_this_system_are_the_actions_fault()
    {
        var deep = string.Join('/', Enumerable.Repeat(new string('d', 200), 25));
        Assert.Equal(FaultKind.Action,
            Assert.Throws<FaultException>(() => OutputParents.Create(_root.Path, [deep], "")).Fault.Kind);
    }

    [Fact]
    public void A_negative_timeout_is_the_actions_fault()
    {
        var fault = Assert.Throws<FaultException>(
            () => ActionTimeout.Choose(new Duration { Seconds = -5 }, TimeSpan.FromSeconds(10), false)).Fault;
        Assert.Equal(FaultKind.Action, fault.Kind);
        Assert.Throws<FaultException>(
            () => ActionTimeout.Choose(new Duration { Seconds = long.MaxValue }, TimeSpan.FromSeconds(10), true));
    }

    [Fact]
    public void A_link_of_the_input_tree_is_followed_inside_the_root_and_never_out_of_it()
    {
        Directory.CreateDirectory(_root.At("real"));
        File.CreateSymbolicLink(_root.At("inside"), "real");
        File.CreateSymbolicLink(_root.At("outside"), "../elsewhere");
        File.CreateSymbolicLink(_root.At("absolute"), Path.GetTempPath());
        File.CreateSymbolicLink(_root.At("loop"), "loop");
        File.WriteAllText(_root.At("file"), "");
        Assert.Equal(_root.At("real"), OutputParents.Create(_root.Path, ["inside/x/y"], "inside"));
        Assert.True(Directory.Exists(_root.At("real/x/y")));
        foreach (var bad in new[] { "outside/x", "absolute/x", "loop/x", "file/x" })
            Assert.Equal(FaultKind.Action,
                Assert.Throws<FaultException>(() => OutputParents.Create(_root.Path, [bad], "")).Fault.Kind);
        Assert.Equal(FaultKind.Action,
            Assert.Throws<FaultException>(() => OutputParents.Create(_root.Path, [], "not/there")).Fault.Kind);
        Assert.False(Directory.Exists(_root.At("not")));
    }

    [Theory]
    [InlineData("a b  c", "a|b|c")]
    [InlineData("""sh -c 'echo "$x"' """, """sh|-c|echo "$x" """)]
    [InlineData("""a\ b "c \" d" '' e""", """a b|c " d||e""")]
    [InlineData("a # comment", "a")]
    public void Words_are_split_as_a_shell_does(string text, string words) =>
        Assert.Equal(words.Trim().Split('|'), ShellWords.Split(text));

    [Theory]
    [InlineData("")]
    [InlineData("'open")]
    [InlineData("\"open")]
    [InlineData("trailing\\")]
    public void Text_that_a_shell_would_not_take_is_refused(string text) =>
        Assert.Throws<FormatException>(() => ShellWords.Split(text));
}
