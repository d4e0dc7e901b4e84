using NativeLink.Actors.Cli.Tests.Rig;

namespace NativeLink.Actors.Cli.Tests.Commands;

/// <summary>
/// An ordinary user's worker executes itself again in a user and a mount namespace of its own,
/// where it may; otherwise it says why not and works all the same.
/// </summary>
public sealed class NamespacesTests : IDisposable
{
    // Answers what the action is: its capabilities, whether the number that it knows itself by is
    // in /proc, and what its directory lies on.
    private const string WhatAmI =
        "grep ^Cap /proc/self/status; head -c 7 /proc/$$/cmdline; echo; stat -f -c %T .; id -u; exit 7";

    private readonly OrdinaryUser _user = new();

    public void Dispose() => _user.Dispose();

    [SkippableFact]
    public async Task An_ordinary_users_worker_has_overlays_and_PID_namespaces_and_its_actions_have_no_capability()
    {
        Directory.CreateDirectory(_user.At("in"));
        await File.WriteAllTextAsync(_user.At("in/file"), "input");
        var (code, stdout, stderr) = await ExecAsync([], [_user.Program], WhatAmI, "--input", _user.At("in"));

        Assert.Equal(7, code);
        Assert.Matches(
            @"\ACapInh:\t0{16}\nCapPrm:\t0{16}\nCapEff:\t0{16}\nCapBnd:\t[0-9a-f]{16}\nCapAmb:\t0{16}\n/bin/sh\n",
            stdout);
        if (!_user.MayMakeNamespaces())
            Assert.Contains("Running no user and mount namespace of its own: ", stderr, StringComparison.Ordinal);
        Skip.IfNot(_user.MayMakeNamespaces(), "an ordinary user may not make namespaces here");
        Assert.Contains("Running in a user and a mount namespace of its own", stderr, StringComparison.Ordinal);
        Assert.Contains("input roots by overlay", stderr, StringComparison.Ordinal);
        Assert.Contains("/proc shows the action's own processes", stderr, StringComparison.Ordinal);
        Assert.Contains("CapBnd:\t0000000000000000\n", stdout, StringComparison.Ordinal);
        Assert.Contains("\noverlayfs\n", stdout, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Where_namespaces_are_forbidden_it_says_so_and_works_without()
    {
        Skip.IfNot(_user.MayMakeNamespaces(), "namespaces are forbidden here anyway");

        // In a namespace that allows no further one, as an administrator's limit does.
        string[] confined =
        [
            "unshare", "--user", "--map-current-user", "--keep-caps", "sh", "-c",
            "echo 0 >/proc/sys/user/max_user_namespaces; exec setpriv --ambient-caps=-all --inh-caps=-all \"$@\"", "sh",
            _user.Program,
        ];
        var (code, stdout, stderr) = await ExecAsync([], confined, WhatAmI);

        Assert.Equal(7, code);
        Assert.Matches(@"\ACapInh:\t0{16}\nCapPrm:\t0{16}\nCapEff:\t0{16}\n", stdout);
        Assert.Matches("Running no user and mount namespace of its own: .*unshare says: .*No space left on device",
            stderr);
        Assert.Contains("PidNamespace: a PID namespace cannot be made", stderr, StringComparison.Ordinal);
        Assert.Contains("child subreaper", stderr, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_the_program_that_enters_them_it_says_so_and_works_without()
    {
        var (code, _, stderr) = await ExecAsync(new() { ["PATH"] = _user.At("") }, [_user.Program], "exit 7");
        Assert.Equal(7, code);
        Assert.Contains("Running no user and mount namespace of its own: unshare: not found", stderr,
            StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task A_socket_that_a_killed_process_of_another_user_left_under_its_number_is_in_nobodys_way()
    {
        Skip.IfNot(Environment.IsPrivilegedProcess, "an ordinary user cannot make a file that is another's");
        var shared = Directory.CreateDirectory(_user.At("shared")).FullName;
        File.SetUnixFileMode(shared, (UnixFileMode)0x3FF);
        string[] afterRoot = ["/bin/sh", "-c", ": >\"$0/dotnet-diagnostic-$$-0-socket\"; exec \"$@\"", shared];
        string[] exec = ["env", "TMPDIR=" + shared, _user.Program, "exec", "--env", "PATH=/usr/bin:/bin", "--",
            "/bin/sh", "-c", "exit 7"];

        var (code, _, stderr) = await Rig.Program.RunCommandAsync([], Absolute([.. afterRoot, .. _user.Command(exec)]));

        Assert.True(code == 7, stderr);
        Assert.Single(Directory.EnumerateFiles(shared, "dotnet-diagnostic-*"));
    }

    [Fact]
    public async Task Only_what_runs_actions_enters_namespaces()
    {
        await File.WriteAllTextAsync(_user.At("unshare"),
            $"#!/bin/sh\n: >{_user.At("asked")}\necho not today >&2\nexit 1\n");
        File.SetUnixFileMode(_user.At("unshare"), (UnixFileMode)0x1ED);
        Dictionary<string, string> path = new() { ["PATH"] = _user.At("") };
        foreach (var harmless in (string[][])[["--help"], ["--version"], ["check-config", _user.At("missing.json5")],
            ["exec", "--executor", "grpc://127.0.0.1:1", "--", "true"]])
        {
            await Rig.Program.RunCommandAsync(path, Absolute(_user.Command([_user.Program, .. harmless])));
            Assert.False(File.Exists(_user.At("asked")), string.Join(' ', harmless));
        }

        var (code, _, stderr) = await ExecAsync(path, [_user.Program], "exit 7");
        Assert.Equal(7, code);
        Assert.True(File.Exists(_user.At("asked")));
        Assert.Contains("unshare says: not today", stderr, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_program_keeps_its_process_number_its_mounts_to_itself_and_its_signals()
    {
        var (local, client, _) = await Rig.Program.StartLocalAsync(_user.Command(_user.Program), _user.At("data"));
        await using var stopping = local;
        var marker = _user.At("marker");
        var action = Rig.Program.RunAsync("exec", "--executor", client, "--", "/bin/sh", "-c",
            $"echo >{marker}; while [ ! -e {marker}.go ]; do read x </dev/null; done; echo done");
        await ProcessWatch.AppearedAsync(marker);

        Assert.StartsWith("nativelink-acto", await File.ReadAllTextAsync($"/proc/{local.Id}/comm"),
            StringComparison.Ordinal);
        Assert.DoesNotContain(_user.At("data"), await File.ReadAllTextAsync("/proc/self/mounts"),
            StringComparison.Ordinal);
        Assert.Equal(_user.MayMakeNamespaces(), (await File.ReadAllTextAsync($"/proc/{local.Id}/mounts")).Contains(
            _user.At("data"), StringComparison.Ordinal));
        local.Signal("TERM");
        await local.WaitForAsync("SIGTERM");
        await File.WriteAllTextAsync(marker + ".go", "");

        Assert.Equal("done\n", (await action).Out);
        Assert.Equal(0, await local.ExitCodeAsync());
        Assert.Equal(["data", "marker", "marker.go"],
            Directory.EnumerateFileSystemEntries(_user.At("")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [SkippableFact]
    public async Task Killed_it_leaves_no_process_of_an_action()
    {
        Skip.IfNot(_user.MayMakeNamespaces(), "without namespaces the next start ends them: StaleProcessTests");
        var (local, client, _) = await Rig.Program.StartLocalAsync(_user.Command(_user.Program), _user.At("data"));
        await using var stopping = local;
        var marker = _user.At("marker");
        await using var exec = Rig.Program.Start("exec", "--executor", client, "--", "/bin/sh", "-c",
            $"(setsid sh -c 'sleep 61; : {marker}' &) ; echo >{marker}; sleep 60; true");
        await ProcessWatch.AppearedAsync(marker);
        exec.Signal("KILL");
        await exec.ExitCodeAsync();

        local.Signal("KILL");
        await ProcessWatch.GoneAsync(marker);
    }

    private Task<(int Code, string Out, string Error)> ExecAsync(
        Dictionary<string, string> environment, string[] program, string script, params string[] switches) =>
        Rig.Program.RunCommandAsync(
            environment, Absolute(
                _user.Command([.. program, "exec", "--log-level", "INFO", .. switches, "--env", "PATH=/usr/bin:/bin",
                    "--", "/bin/sh", "-c", script])));

    /// <summary>The programs in front of ours are found whatever PATH ours is to have.</summary>
    private static string[] Absolute(string[] command) =>
        [.. command.Select(word => word is "setpriv" or "env" ? $"/usr/bin/{word}" : word)];
}
