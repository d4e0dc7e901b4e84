using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.RegularExpressions;
using NativeLink.Actors.Cli.Tests.Rig;

namespace NativeLink.Actors.Cli.Tests.Admin;

/// <summary>What the real program says of itself by HTTP, and what it may be told there.</summary>
public sealed partial class StatusServerTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly TempDirectory _directory = new();
    private readonly HttpClient _http = new() { Timeout = Patience };

    public void Dispose()
    {
        _http.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public async Task A_worker_is_paused_resumed_and_drained_by_whoever_knows_the_token()
    {
        var (local, client, _) = await Rig.Program.StartLocalAsync(
            _directory.At("data"), "--workers", "2", "--status-listen", "127.0.0.1:0", "--status-token", "secret");
        await using var stopping = local;
        var at = await ListeningAsync(local);
        Assert.Equal((HttpStatusCode.OK, "local-1-: serving\nlocal-2-: serving\n"), await GetAsync(at, "readyz"));

        Assert.Equal(HttpStatusCode.Unauthorized, await PostAsync(at, "api/pause", token: null));
        Assert.Equal(HttpStatusCode.Unauthorized, await PostAsync(at, "api/drain", token: "guess"));
        Assert.Equal(HttpStatusCode.NotFound, await PostAsync(at, "api/pause?worker=nobody", "secret"));
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(at, "readyz")).Code);

        Assert.Equal(
            HttpStatusCode.Accepted, await PostAsync(at, "api/pause?worker=local-2-&reason=new%20disk", "secret"));
        await UntilAsync(at, "readyz", HttpStatusCode.OK, "local-1-: serving\nlocal-2-: paused (new disk)\n");
        Assert.Equal(HttpStatusCode.Accepted, await PostAsync(at, "api/pause", "secret"));
        await UntilAsync(at, "readyz", HttpStatusCode.ServiceUnavailable,
            "local-1-: paused (by hand)\nlocal-2-: paused (by hand)\n");
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(at, "healthz")).Code);
        Assert.Equal(2, await SampleAsync(at, "nativelink_worker_workers", "phase=\"paused\""));

        // What waits is run as soon as somebody may.
        var running = Rig.Program.RunAsync("exec", "--executor", client, "--", "/bin/echo", "hello");
        Assert.Equal(HttpStatusCode.Accepted, await PostAsync(at, "api/resume", "secret"));
        Assert.Equal((0, "hello\n"), ((await running).Code, (await running).Out));
        var phases = JsonDocument.Parse((await GetAsync(at, "api/workers")).Text).RootElement.EnumerateArray()
            .Select(worker => worker.GetProperty("phase").GetString());
        Assert.Equal(["serving", "serving"], phases);
        Assert.True(await SampleAsync(at, "nativelink_worker_actions_total", "verdict=\"succeeded\"") >= 1);

        Assert.Equal(HttpStatusCode.Accepted, await PostAsync(at, "api/drain", "secret"));
        Assert.Equal(0, await local.ExitCodeAsync());
    }

    [Fact]
    public async Task A_SIGTERM_after_a_drain_by_HTTP_still_lets_an_action_finish()
    {
        var (local, client, _) = await Rig.Program.StartLocalAsync(
            _directory.At("data"), "--status-listen", "127.0.0.1:0", "--status-token", "secret");
        await using var stopping = local;
        var at = await ListeningAsync(local);
        Assert.Equal(HttpStatusCode.BadRequest, await PostAsync(at, "api/pause?worker=", "secret"));
        var (began, gate) = (_directory.At("began"), _directory.At("gate"));
        var running = Rig.Program.RunAsync("exec", "--executor", client, "--env", "PATH=/usr/bin:/bin", "--", "/bin/sh",
            "-c", $"echo >{began}; while [ ! -e {gate} ]; do sleep 0.05; done; echo done");
        await ProcessWatch.AppearedAsync(began);
        Assert.Equal(HttpStatusCode.Accepted, await PostAsync(at, "api/drain", "secret"));
        await local.WaitForAsync("1 operations are finished first");
        local.Signal("TERM");
        await File.WriteAllTextAsync(gate, "");
        Assert.Equal((0, "done\n"), ((await running).Code, (await running).Out));
        Assert.Equal(0, await local.ExitCodeAsync());
    }

    [Fact]
    public async Task A_page_that_leads_a_name_of_its_own_to_this_machine_reads_nothing()
    {
        var (local, _, _) = await Rig.Program.StartLocalAsync(_directory.At("data"), "--status-listen", "127.0.0.1:0");
        await using var stopping = local;
        var at = await ListeningAsync(local);
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(at, "api/workers"));
        request.Headers.Host = "evil.example:" + at.Port;
        using var answer = await _http.SendAsync(request);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await GetAsync(at, "healthz")).Code);
    }

    [Fact]
    public async Task Without_a_token_nobody_may_change_anything_and_the_answer_says_how_to_set_one()
    {
        var (local, _, _) = await Rig.Program.StartLocalAsync(_directory.At("data"), "--status-listen", "127.0.0.1:0");
        await using var stopping = local;
        using var answer = await _http.PostAsync(new Uri(await ListeningAsync(local), "api/drain"), null);
        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        Assert.Contains("NLA_STATUS_TOKEN", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_address_that_is_taken_is_an_error_only_where_somebody_chose_it()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var (code, _, error) = await Rig.Program.RunAsync("local", "--listen", "127.0.0.1:0", "--worker-api-listen",
            "127.0.0.1:0", "--data", _directory.At("data"), "--status-listen", taken.LocalEndpoint.ToString()!);
        Assert.NotEqual(0, code);
        Assert.Contains($"--status-listen {taken.LocalEndpoint}:", error, StringComparison.Ordinal);

        var (first, _, _) = await Rig.Program.StartLocalAsync(_directory.At("one"));
        await using var firstStopping = first;
        var (second, _, _) = await Rig.Program.StartLocalAsync(_directory.At("two"));
        await using var secondStopping = second;
        Assert.NotEqual(await ListeningAsync(first), await ListeningAsync(second));
    }

    private static async Task<Uri> ListeningAsync(Rig.Program program)
    {
        var said = Match.Empty;
        await Eventually.HoldsAsync(() => (said = Address().Match(program.Output)).Success, () => program.Output);
        return new Uri(said.Groups[1].Value);
    }

    private async Task<(HttpStatusCode Code, string Text)> GetAsync(Uri at, string path)
    {
        using var answer = await _http.GetAsync(new Uri(at, path));
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync());
    }

    private async Task<HttpStatusCode> PostAsync(Uri at, string path, string? token)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(at, path));
        if (token is not null)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        using var answer = await _http.SendAsync(request);
        return answer.StatusCode;
    }

    private Task UntilAsync(Uri at, string path, HttpStatusCode code, string text) => Eventually.HoldsAsync(
        async () => await GetAsync(at, path) == (code, text), $"{path} says {code}, {text}");

    /// <summary>The value of the first sample of a metric that has a label.</summary>
    private async Task<double> SampleAsync(Uri at, string metric, string label)
    {
        var page = (await GetAsync(at, "metrics")).Text;
        foreach (Match sample in Sample().Matches(page))
        {
            if (sample.Groups[1].Value == metric
                && sample.Groups[2].Value.Contains(label, StringComparison.Ordinal))
                return double.Parse(sample.Groups[3].Value, CultureInfo.InvariantCulture);
        }
        Assert.Fail($"no sample of {metric} with {label}:\n{page}");
        return 0;
    }

    [GeneratedRegex(@"state at (\S+)")]
    private static partial Regex Address();

    [GeneratedRegex(@"^([a-z_]+)\{([^}]*)\} ([0-9.e+-]+)", RegexOptions.Multiline | RegexOptions.IgnoreCase)]
    private static partial Regex Sample();
}
