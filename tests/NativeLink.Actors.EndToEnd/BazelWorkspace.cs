using System.Security.Cryptography;

namespace NativeLink.Actors.EndToEnd;

/// <summary>
/// A copy of one of the Bazel workspaces with a Bazel server of its own: one for all tests, one
/// after the other, as its start costs more than a build. Each test begins with nothing built, and
/// with actions that nobody has seen before.
/// </summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage("Design", "CA1001",
    Justification = "xUnit ends it by IAsyncLifetime.")]
public sealed class BazelWorkspace : IAsyncLifetime
{
    /// <summary>Half of the workspace: enough for a build in whose middle something happens.</summary>
    internal static readonly string[] Libraries = ["//alpha", "//beta", "//gamma"];

    private static readonly TimeSpan Bound = TimeSpan.FromMinutes(5);
    private readonly TempDirectory _home = new();
    private readonly string _workspace;
    private string _salt = "";

    public BazelWorkspace()
    {
        const string Name = "cc-small";
        var from = Path.Combine(AppContext.BaseDirectory, "bazel", "workspaces");
        Copy(Path.Combine(from, Name), _home.At(Name));
        Copy(Path.Combine(from, "stubs"), _home.At("stubs"));
        File.Copy(Path.Combine(from, "common.bazelrc"), _home.At("common.bazelrc"));
        _workspace = _home.At(Name);
    }

    public Task InitializeAsync() => Task.CompletedTask;

    /// <summary>As after a clone: nothing is built, and no action is one of before.</summary>
    public async Task Fresh()
    {
        _salt = Guid.NewGuid().ToString("N");
        await Clean();
    }

    /// <summary>Forgets what was built, as a new client would know nothing of it.</summary>
    public async Task Clean()
    {
        await using var clean = Bazel(["clean", "--host_javabase=@local_jdk//:jdk"]);
        Assert.True(await clean.Exit(Bound) == 0, clean.Output);
    }

    /// <summary>Builds or tests everything remotely; nothing comes from an earlier run's cache.</summary>
    internal RunningProgram Start(string verb, string endpoint, params string[] more) => Bazel(
        [verb, "--host_javabase=@local_jdk//:jdk", "--config=remote", $"--remote_executor={endpoint}", "--jobs=8",
            "--noremote_local_fallback", "--noremote_accept_cached",
         $"--action_env=BZ_SALT={_salt}", $"--test_env=BZ_SALT={_salt}", .. more]);

    public async Task<string> Build(string verb, string endpoint, params string[] more)
    {
        await using var bazel = Start(verb, endpoint, more);
        var code = await bazel.Exit(Bound);
        Assert.True(code == 0, $"bazel {verb} exited with {code}:\n{bazel.Output}");
        return bazel.Output;
    }

    /// <summary>SHA-256 of each file that the build left behind, by path below bazel-bin.</summary>
    public async Task<SortedDictionary<string, string>> Digests()
    {
        await using var info = Bazel(["info", "--host_javabase=@local_jdk//:jdk", "bazel-bin"]);
        Assert.Equal(0, await info.Exit(Bound));
        var bin = info.Output.Split('\n').Select(line => line.Trim())
            .Single(line => line.StartsWith('/') && line.EndsWith("/bin", StringComparison.Ordinal));
        var digests = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var file in Directory.EnumerateFiles(bin, "*", SearchOption.AllDirectories)
            .Where(f => f.EndsWith(".o", StringComparison.Ordinal) || f.EndsWith(".a", StringComparison.Ordinal)))
        {
            await using var content = File.OpenRead(file);
            digests[Path.GetRelativePath(bin, file)] = Convert.ToHexString(await SHA256.HashDataAsync(content));
        }
        return digests;
    }

    public async Task DisposeAsync()
    {
        await using (var shutdown = Bazel(["shutdown"]))
            await shutdown.Exit(TimeSpan.FromMinutes(1));
        _home.Dispose();
    }

    private RunningProgram Bazel(IEnumerable<string> arguments) => RunningProgram.Start("bazel-4",
        ["--nosystem_rc", "--nohome_rc", "--install_base=/usr/share/bazel", "--trust_install_base",
            $"--output_user_root={_home.At("out")}", "--max_idle_secs=60", .. arguments],
        _workspace);

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var directory in Directory.EnumerateDirectories(from, "*", SearchOption.AllDirectories))
            Directory.CreateDirectory(Path.Combine(to, Path.GetRelativePath(from, directory)));
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
            File.Copy(file, Path.Combine(to, Path.GetRelativePath(from, file)));
    }
}
