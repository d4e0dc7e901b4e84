using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using NativeLink.Actors.Benchmarks.Crash;
using NativeLink.Actors.Benchmarks.Rig;

namespace NativeLink.Actors.Benchmarks.Chaos;

/// <summary>How a build ended, with all that Bazel printed.</summary>
internal sealed record BuildOutcome(int Code, string Output, TimeSpan Took)
{
    /// <summary>
    /// Actions that ran remotely, from "INFO: 112 processes: 3 remote cache hit, 21 internal, 88 remote."
    /// </summary>
    public int Remote => BazelClient.RemoteCount().Matches(Output) is { Count: > 0 } lines
        ? int.Parse(lines[^1].Groups[1].Value, CultureInfo.InvariantCulture)
        : 0;
}

/// <summary>A Bazel with a server, a workspace and an output tree of its own.</summary>
internal sealed partial class BazelClient : IAsyncDisposable
{
    /// <summary>Debian's bazel-bootstrap, the one that needs no download.</summary>
    public const string Program = "bazel-4";

    /// <summary>
    /// So often does the client try each call again, after 0.1 s, 0.2 s and so on up to 5 s: it gets over 25 s.
    /// </summary>
    private const int Retries = 10;

    private static readonly TimeSpan Bound = TimeSpan.FromMinutes(10);

    private readonly string _workspace;
    private readonly string _home;
    private Process? _running;

    private BazelClient(string workspace, string home) => (_workspace, _home) = (workspace, home);

    public static bool IsHere => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')
        .Any(static directory => File.Exists(Path.Combine(directory, Program)));

    /// <param name="workspace">Is copied, with what its files name beside it (<c>../stubs</c>,
    /// <c>../common.bazelrc</c>); null for one of our own.</param>
    public static async Task<BazelClient> CreateAsync(BenchContext context, string? workspace)
    {
        var home = context.NewDirectory("bazel");
        var copy = Path.Combine(home, "workspace");
        if (workspace is null)
        {
            ChaosWorkspace.Write(copy);
            return new BazelClient(copy, home);
        }
        await CopyAsync(Path.GetFullPath(workspace), copy);
        foreach (var beside in (string[])["stubs", "common.bazelrc"])
        {
            var path = Path.GetFullPath(Path.Combine(workspace, "..", beside));
            if (Path.Exists(path))
                await CopyAsync(path, Path.Combine(home, beside));
        }
        return new BazelClient(copy, home);
    }

    /// <summary>Builds everything anew: no action is one of before, and nothing that was built is there.</summary>
    /// <param name="endpoint"><c>host:port</c>.</param>
    /// <param name="mark">In the environment of each action.</param>
    /// <param name="build">The number of this build, which makes its actions unlike those before.</param>
    public async Task<BuildOutcome> BuildAsync(string endpoint, string mark, int build)
    {
        await RunAsync(["clean", "--host_javabase=@local_jdk//:jdk"]);
        return await RunAsync(["build", "--host_javabase=@local_jdk//:jdk", $"--remote_executor=grpc://{endpoint}",
            $"--remote_retries={Retries}", "--remote_timeout=120", "--jobs=8", "--noremote_local_fallback",
            "--spawn_strategy=remote", "--genrule_strategy=remote", "--incompatible_strict_action_env", "--curses=no",
            "--color=no", "--verbose_failures", "--show_result=0", "--symlink_prefix=/",
            $"--action_env={CrashBuild.MarkName}={mark}", $"--action_env=CHAOS_BUILD={build}", "//..."]);
    }

    /// <summary>SHA-256 of each file that the build has left, by its path below bazel-bin.</summary>
    public async Task<SortedDictionary<string, string>> DigestsAsync()
    {
        var info = await RunAsync(["info", "--host_javabase=@local_jdk//:jdk", "bazel-bin"]);
        var bin = info.Output.Split('\n').Select(static line => line.Trim())
            .Single(static line => line.StartsWith('/') && line.EndsWith("/bin", StringComparison.Ordinal));
        var digests = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var file in Directory.EnumerateFiles(bin, "*", SearchOption.AllDirectories)
            .Where(static file => !OfTheClient().IsMatch(file)))
        {
            await using var content = File.OpenRead(file);
            digests[Path.GetRelativePath(bin, file)] = Convert.ToHexString(await SHA256.HashDataAsync(content));
        }
        return digests;
    }

    public async ValueTask DisposeAsync()
    {
        if (_running is { HasExited: false } running)
            running.Kill(entireProcessTree: true);
        await RunAsync(["shutdown"]);
    }

    private async Task<BuildOutcome> RunAsync(IReadOnlyList<string> arguments)
    {
        var began = Stopwatch.GetTimestamp();
        using var process = _running = Process.Start(new ProcessStartInfo(Program,
        [
            "--nosystem_rc", "--nohome_rc", "--install_base=/usr/share/bazel", "--trust_install_base",
            $"--output_user_root={Path.Combine(_home, "out")}", "--max_idle_secs=120", .. arguments,
        ])
        {
            WorkingDirectory = _workspace,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        using var bound = new CancellationTokenSource(Bound);
        var texts = Task.WhenAll(process.StandardOutput.ReadToEndAsync(bound.Token),
            process.StandardError.ReadToEndAsync(bound.Token));
        try
        {
            await process.WaitForExitAsync(bound.Token);
            return new BuildOutcome(process.ExitCode, string.Concat(await texts), Stopwatch.GetElapsedTime(began));
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            return new BuildOutcome(-1, $"bazel {arguments[0]} did not end within {Bound}", Bound);
        }
        finally
        {
            _running = null;
        }
    }

    private static async Task CopyAsync(string from, string to)
    {
        var (code, output) = await BenchContext.RunAsync("cp", ["-a", from, to], Bound);
        if (code != 0)
            throw new InvalidOperationException($"{from} cannot be copied: {output}");
    }

    [GeneratedRegex(@"INFO: \d+ process(?:es)?: .*?(\d+) remote\b(?! cache)")]
    public static partial Regex RemoteCount();

    // What the client itself writes, and links to the execution root.
    [GeneratedRegex(@"\.params$|\.runfiles|/MANIFEST$|\.d$|\.cppmap$")]
    private static partial Regex OfTheClient();
}
