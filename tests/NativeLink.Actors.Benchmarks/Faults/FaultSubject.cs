using System.Diagnostics;
using System.Globalization;
using System.Text;
using Google.Protobuf;
using Grpc.Core;
using NativeLink.Actors.Benchmarks.Rig;
using NativeLink.Actors.Benchmarks.Soak;
using NativeLink.Actors.Protocol;
using NativeLink.Actors.Protocol.Hashing;

namespace NativeLink.Actors.Benchmarks.Faults;

/// <summary>
/// A <c>local</c> with one worker whose calls can be made
/// to fail, and the action that it runs again and again.
/// </summary>
internal sealed class FaultSubject : IAsyncDisposable
{
    // Above the worker's own bounds: those for a child that cannot be made, or a group that does
    // not get empty, are some seconds.
    private static readonly TimeSpan AnswerBound = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan SettleBound = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(20);
    private const int WarmUp = 12;

    private readonly ServerProcess _server;
    private readonly FaultGate _gate;
    private readonly LoadClient _client;
    private readonly string _data;
    private int _actions;
    private Holdings? _most;

    private FaultSubject(ServerProcess server, FaultGate gate, string data) =>
        (_server, _gate, _client, _data) = (server, gate, new LoadClient(server.Client), data);

    /// <param name="program">The compiled <c>faultpoints.c</c>.</param>
    /// <param name="user">Whose server it is; null for this process's own user.</param>
    /// <param name="warm">Whether actions run before any fault, so that what they make and keep is known.</param>
    public static async Task<FaultSubject> StartAsync(BenchContext context, string program, int? user, bool warm)
    {
        var (home, log) = (context.NewDirectory("faults"), Path.Combine(context.NewDirectory("faults-log"), "log"));
        var data = Directory.CreateDirectory(Path.Combine(home, "data")).FullName;
        if (user is { } owner)
            await BenchContext.RunAsync("chown", ["-R", $"{owner}:{owner}", home], SettleBound);
        var door = Path.Combine(home, "door");
        var server = await ServerProcess.StartLoggedBelowAsync(
            [program, door], context, data, log, user, "--workers", "1", "--max-inflight", "2");
        var subject = new FaultSubject(server, FaultGate.Connect(door), data);
        for (var i = 0; warm && i < WarmUp; i++)
        {
            if (await subject.SucceedsAsync() is { } wrong)
                throw new InvalidOperationException($"an action failed before any fault: {wrong}");
            var now = Holdings.Of(server.Id, data);
            subject._most = subject._most?.Most(now) ?? now;
        }
        await subject.SettleAsync();
        return subject;
    }

    /// <summary>How many calls of the kind an action makes.</summary>
    public async Task<int> CountAsync(string kind)
    {
        _gate.Arm(kind, 0);
        await SucceedsAsync();
        return _gate.Disarm().Count;
    }

    /// <summary>Lets the nth call of the kind fail while an action runs.</summary>
    /// <returns>Which call failed (null: there were fewer), what was wrong then (null: nothing),
    /// and whether that is only what was left.</returns>
    public async Task<(string? Failed, string? Wrong, bool IsLeft)> TryAsync(string kind, int number)
    {
        var (action, expected) = await PrepareAsync();
        _gate.Arm(kind, number);
        var wrong = await AnsweredAsync(action, expected, mayFail: true);
        var (_, failed) = _gate.Disarm();
        if (wrong is null && await SucceedsAsync() is { } next)
            wrong = $"the next action: {next}";
        if (wrong is not null)
            return (failed, wrong, false);
        var left = await SettleAsync();
        return (failed, left is null ? null : $"left: {left}", left is not null && !HasEnded);
    }

    public bool HasEnded => !Directory.Exists($"/proc/{_server.Id}/fd") || IsZombie();

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        _gate.Dispose();
        await _server.DisposeAsync();
    }

    private bool IsZombie() => File.ReadAllText($"/proc/{_server.Id}/stat").Contains(") Z ", StringComparison.Ordinal);

    /// <summary>An action unlike those before, with an input of its own, and the file that it has to make.</summary>
    private async Task<(Digest Action, Digest Output)> PrepareAsync()
    {
        var content = string.Create(CultureInfo.InvariantCulture, $"input {++_actions}\n");
        var below = new Reapi.Directory
        {
            Files = { new Reapi.FileNode
            {
                Name = "a",
                Digest = _client.Blobs.Add(ByteString.CopyFromUtf8(content)).ToWire(),
            } },
        };
        var root = new Reapi.Directory
        {
            Directories = { new Reapi.DirectoryNode { Name = "in", Digest = _client.Blobs.Add(below).ToWire() } },
        };
        var action = _client.Blobs.Add(["/bin/sh", "-c",
            "cat in/a >out; mkdir d; echo deep >d/e; echo said; cat in/a >&2"], root, ["out", "d"], content);
        await _client.UploadAsync();
        return (action, BlobHasher.Compute(Encoding.UTF8.GetBytes(content), DigestFunction.Sha256));
    }

    private async Task<string?> SucceedsAsync()
    {
        try
        {
            var (action, expected) = await PrepareAsync();
            return await AnsweredAsync(action, expected, mayFail: false);
        }
        catch (RpcException error)
        {
            return $"cannot be sent: {error.Status}";
        }
    }

    private async Task<string?> AnsweredAsync(Digest action, Digest expected, bool mayFail)
    {
        try
        {
            var answer = await _client.AnswerAsync(action, AnswerBound);
            if (answer.Status is { Code: not 0 })
                return mayFail ? null : $"failed: {answer.Status}";
            // A fault of the machine is never the action's own result.
            var output = answer.Result.OutputFiles.SingleOrDefault()?.Digest;
            return answer.Result.ExitCode == 0 && output?.Hash == expected.Hash
                && answer.Result.OutputDirectories.Count == 1 && answer.Result.StderrDigest?.Hash == expected.Hash
                ? null : $"a wrong result: {answer}";
        }
        catch (RpcException error) when (error.StatusCode is StatusCode.DeadlineExceeded)
        {
            return $"no answer within {AnswerBound.TotalSeconds} s\n{WhoWaits.Describe(_server.Id)}";
        }
        catch (RpcException error)
        {
            return mayFail && !HasEnded ? null : $"failed: {error.Status}";
        }
    }

    /// <summary>
    /// Waits until the server has no more of anything than before; what it has more of when it goes
    /// on having it, which is then what it may have.
    /// </summary>
    private async Task<string?> SettleAsync()
    {
        for (var began = Stopwatch.GetTimestamp(); ;)
        {
            if (HasEnded)
                return "the server has ended";
            if (_most is null)
                return null;
            var now = Holdings.Of(_server.Id, _data);
            if (now.Beyond(_most) is not { Count: > 0 } beyond)
                return null;
            if (Stopwatch.GetElapsedTime(began) > SettleBound)
            {
                _most = _most.Most(now);
                return string.Join("; ", beyond);
            }
            await Task.Delay(Poll);
        }
    }
}
