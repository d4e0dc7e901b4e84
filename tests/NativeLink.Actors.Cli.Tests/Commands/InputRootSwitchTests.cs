using NativeLink.Actors.Cli.Tests.Rig;

namespace NativeLink.Actors.Cli.Tests.Commands;

/// <summary>How input roots are made, by switches, and what a killed process left of them: the real program.</summary>
public sealed class InputRootSwitchTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    [Theory]
    [InlineData("input roots by copy: as configured", "--materialiser", "copy")]
    [InlineData("input roots by hardlink: as configured; an action can change the store's files", "--materialiser",
        "hardlink")]
    [InlineData("input roots by ", "--scratch-memory", "64MiB")]
    public async Task A_switch_decides_and_the_log_names_it(string says, params string[] switches)
    {
        var (local, client, _) = await Rig.Program.StartLocalAsync(_directory.At("data"), switches);
        await using var stopping = local;

        Assert.Contains(says, local.Output, StringComparison.Ordinal);
        Assert.Equal((0, "hello\n"), await ExecAsync(client, "echo hello"));
    }

    [Fact]
    public async Task What_killed_workers_left_is_gone_after_a_start_with_fewer_of_them()
    {
        var (killed, client, _) = await Rig.Program.StartLocalAsync(
            _directory.At("data"), "--workers", "3", "--max-inflight", "1");
        await using (killed)
        {
            var marks = Enumerable.Range(1, 3).Select(number => _directory.At($"mark-{number}")).ToList();
            var clients = marks.Select(mark => Rig.Program.Start(Exec(client, $"echo $$ | tee {mark} >left; sleep 30")))
                .ToList();
            foreach (var mark in marks)
                await ProcessWatch.AppearedAsync(mark);
            killed.Signal("KILL");
            await killed.ExitCodeAsync();
            foreach (var one in clients)
                await one.DisposeAsync();
        }

        var (local, _, _) = await Rig.Program.StartLocalAsync(
            _directory.At("data"), "--workers", "1", "--materialiser", "copy");
        await using var stopping = local;

        foreach (var part in (string[])["2", "3"])
        {
            Assert.Empty(Directory.GetDirectories(Path.Combine(_directory.At("data"), "work", part)));
            Assert.DoesNotContain(Path.Combine(_directory.At("data"), "work", part),
                await File.ReadAllTextAsync("/proc/self/mountinfo"), StringComparison.Ordinal);
        }
    }

    public void Dispose() => _directory.Dispose();

    private static string[] Exec(string client, string script) =>
        ["exec", "--executor", client, "--no-cache", "--env", "PATH=/usr/bin:/bin", "--", "/bin/sh", "-c", script];

    private static async Task<(int Code, string Out)> ExecAsync(string client, string script)
    {
        var (code, stdout, _) = await Rig.Program.RunAsync(Exec(client, script));
        return (code, stdout);
    }
}
