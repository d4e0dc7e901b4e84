using System.Collections.Concurrent;
using System.Globalization;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.Logging.Abstractions;
using NativeLink.Actors.Protocol.Hashing;
using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Testing.Scheduling;
using NativeLink.Actors.Worker.Connection;
using Xunit.Abstractions;

namespace NativeLink.Actors.Worker.Tests.Hosting;

/// <summary>
/// Operations are sent again, killed, and moved between the two workers of one process, at random,
/// with real trees and processes. Whatever the order, every operation ends with its own outputs,
/// and nothing stays behind. <c>NLA_ATTEMPTS</c> says how many operations (10000 is the whole),
/// <c>NLA_TEST_SEED</c> from which seed.
/// </summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage("Design", "CA1001",
    Justification = "xUnit ends it by IAsyncLifetime.")]
public sealed class AttemptStormTests(ITestOutputHelper output) : IAsyncLifetime
{
    private const int AtOnce = 8;
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(60);
    private static readonly int Operations = Setting("NLA_ATTEMPTS") ?? 250;
    private static readonly int Seed = Setting("NLA_TEST_SEED") ?? Random.Shared.Next(1_000_000);

    private readonly TempDirectory _directory = new();
    private readonly ScriptedLink _link = new();
    private readonly ConcurrentDictionary<string, ConcurrentQueue<(int Worker, Wire.ExecuteResult Result)>> _answers =
        new();
    private readonly ConcurrentDictionary<(string, int), int> _starts = new();
    private readonly ScriptedStream[] _streams = new ScriptedStream[2];
    private ContentStore _store = null!;
    private WorkerHost _host = null!;

    public async Task InitializeAsync()
    {
        var options = new ContentStoreOptions(At("cas"), At("cas-temp"));
        _store = ContentStore.Open(options, TimeProvider.System);
        Directory.CreateDirectory(At("marks"));
        _host = await WorkerHost.StartAsync(
            new WorkerHostOptions
            {
                Cas = new CasOptions { LocalStoreOnly = true },
                LocalStore = options,
                SharedStore = _store,
                DirectoryCache = new DirectoryCacheOptions(At("trees")),
                Workers = [Worker("0"), Worker("1")],
            },
            NullLoggerFactory.Instance, TimeProvider.System);
        for (var i = 0; i < 2; i++)
        {
            var stream = await _link.NextAsync();
            var worker = int.Parse(stream.Hello.WorkerIdPrefix, CultureInfo.InvariantCulture);
            _streams[worker] = stream;
            stream.Greet($"worker-{worker}");
        }
        await _host.Registered.WaitAsync(Bound);
    }

    public async Task DisposeAsync()
    {
        await _host.DisposeAsync();
        _store.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public async Task Every_operation_ends_with_its_own_outputs_however_often_it_is_killed_moved_and_sent_again()
    {
        output.WriteLine($"seed {Seed}, {Operations} operations");
        using var stop = new CancellationTokenSource();
        var pumps = _streams.Select((stream, worker) => PumpAsync(stream, worker, stop.Token)).ToList();
        try
        {
            await Parallel.ForEachAsync(Enumerable.Range(0, Operations), new ParallelOptions
            {
                MaxDegreeOfParallelism = AtOnce,
            }, async (index, _) => await LiveAsync(index));
        }
        catch (Exception error)
        {
            throw new InvalidOperationException($"NLA_TEST_SEED={Seed}: {error.Message}", error);
        }
        Assert.True(await _host.DrainAsync().WaitAsync(Bound), $"NLA_TEST_SEED={Seed}: the drain was cut");
        await stop.CancelAsync();
        await Task.WhenAll(pumps);
        await _host.DisposeAsync();
        foreach (var ((operation, worker), starts) in _starts)
            Assert.InRange(_answers[operation].Count(answer => answer.Worker == worker), 1, starts);
        Assert.All((string[])["work0", "work1"], work => Assert.Empty(Left(work)));
        Assert.DoesNotContain(await File.ReadAllLinesAsync("/proc/self/mounts"),
            line => line.Contains(_directory.Path, StringComparison.Ordinal));
        Assert.DoesNotContain(Directory.EnumerateDirectories("/proc"), IsOurs);
    }

    /// <summary>
    /// One operation: started, bothered a few times, and
    /// in the end left alone until it has succeeded.
    /// </summary>
    private async Task LiveAsync(int index)
    {
        var random = new Random(HashCode.Combine(Seed, index));
        var id = string.Create(CultureInfo.InvariantCulture, $"op-{Seed}-{index}");
        var start = StartOf(id, random);
        var answers = _answers.GetOrAdd(id, _ => new ConcurrentQueue<(int, Wire.ExecuteResult)>());
        var worker = random.Next(2);
        Start(worker, start);
        for (var steps = random.Next(4); steps > 0; steps--)
        {
            // The pause is part of the draw: what is under way then is another thing each time.
            await Task.Delay(random.Next(25));
            worker = Bother(random, worker, start);
        }
        var seen = 0;
        // A worker's answer ends its attempt: what failed in a way
        // that may pass is sent once more, as a scheduler does.
        for (var tries = 0; tries < 20; tries++)
        {
            await Eventually.HoldsAsync(
                () => answers.Skip(seen).Any(answer => answer.Worker == worker),
                () => $"{id} has no answer from worker {worker} after {seen} others");
            var (result, all) = (answers.ToArray().Skip(seen).First(answer => answer.Worker == worker).Result,
                answers.ToArray());
            seen += Array.FindIndex(all[seen..], answer => answer.Worker == worker) + 1;
            Check(id, result);
            if (result.ExecuteResponse is { Status: null or { Code: 0 } })
                return;
            if (answers.Count(answer => answer.Worker == worker) >= _starts[(id, worker)]
                || result.InternalError is not null)
                Start(worker = random.Next(2), start);
        }
        Assert.Fail($"{id} did not succeed");
    }

    private int Bother(Random random, int worker, Wire.StartExecute start)
    {
        switch (random.Next(5))
        {
            case 0:
                Start(worker, start);
                return worker;
            case 1:
                _streams[worker].Kill(start.OperationId);
                Start(worker, start);
                return worker;
            case 2:
                _streams[worker].Kill(start.OperationId);
                Start(1 - worker, start);
                return 1 - worker;
            case 3:
                Start(1 - worker, start);
                _streams[worker].Kill(start.OperationId);
                return 1 - worker;
            default:
                Start(1 - worker, start);
                return 1 - worker;
        }
    }

    private void Start(int worker, Wire.StartExecute start)
    {
        _starts.AddOrUpdate((start.OperationId, worker), 1, static (_, count) => count + 1);
        _streams[worker].Start(start);
    }

    private void Check(string id, Wire.ExecuteResult result)
    {
        if (result.InternalError is { } error)
        {
            Assert.True(error.Message.Contains("is a fifo", StringComparison.Ordinal), $"{id}: {error.Message}");
            return;
        }
        var response = result.ExecuteResponse;
        if (response.Status is { Code: not 0 } status)
        {
            Assert.True(status.Code == (int)Grpc.Core.StatusCode.Aborted, $"{id}: {status.Code} {status.Message}");
            return;
        }
        var expected = BlobHasher.Compute(System.Text.Encoding.UTF8.GetBytes(id), DigestFunction.Sha256);
        Assert.True(response.Result.ExitCode == 0, $"{id}: exit code {response.Result.ExitCode}");
        Assert.True(response.Result.OutputFiles is [{ Path: "out" } file] && file.Digest.Equals(expected.ToWire()),
            $"{id}: {response.Result.OutputFiles}");
        Assert.True(_store.Contains(expected), $"{id}: its output is not in the CAS");
    }

    private async Task PumpAsync(ScriptedStream stream, int worker, CancellationToken stop)
    {
        await foreach (var message in stream.ReadUntilAsync(stop))
        {
            if (message.ExecuteResult is { } result)
                _answers[result.OperationId].Enqueue((worker, result));
        }
    }

    /// <summary>
    /// Copies its input; a third does so late, and a third
    /// leaves a fifo the first time, which is given back.
    /// </summary>
    private Wire.StartExecute StartOf(string id, Random random)
    {
        var mark = At("marks", id);
        var script = random.Next(3) switch
        {
            0 => "cat in > out",
            1 => string.Create(CultureInfo.InvariantCulture, $"sleep 0.0{random.Next(1, 6)}; cat in > out"),
            _ => $"if mkdir {mark} 2> /dev/null; then mkfifo out; else cat in > out; fi",
        };
        var root = new Reapi.Directory
        {
            Files = { new Reapi.FileNode
            {
                Name = "in",
                Digest = Put(System.Text.Encoding.UTF8.GetBytes(id)).ToWire(),
            } },
        };
        var command = new Reapi.Command
        {
            Arguments = { "/bin/sh", "-c", script },
            OutputPaths = { "out" },
            EnvironmentVariables = { new Reapi.Command.Types.EnvironmentVariable
            {
                Name = "PATH",
                Value = "/usr/bin:/bin",
            } },
        };
        var action = new Reapi.Action
        {
            CommandDigest = Put(command.ToByteArray()).ToWire(),
            InputRootDigest = Put(root.ToByteArray()).ToWire(),
        };
        return new Wire.StartExecute
        {
            OperationId = id,
            QueuedTimestamp = new Timestamp { Seconds = 1_700_000_000 },
            ExecuteRequest = new Reapi.ExecuteRequest
            {
                ActionDigest = Put(action.ToByteArray()).ToWire(),
                DigestFunction = Reapi.DigestFunction.Types.Value.Sha256,
            },
        };
    }

    private Digest Put(byte[] content)
    {
        var digest = BlobHasher.Compute(content, DigestFunction.Sha256);
        _store.Put(digest, content);
        return digest;
    }

    private WorkerOptions Worker(string name) => new()
    {
        Connection = new ConnectionOptions
        {
            Name = name,
            SchedulerEndpoint = new ScriptedScheduler(_link),
            EndpointTimeout = TimeSpan.FromSeconds(60),
            MaxInflightTasks = 6,
        },
        WorkDirectory = At("work" + name),
    };

    /// <summary>Both workers have the one script.</summary>
    private sealed record ScriptedScheduler(ScriptedLink Link) : SchedulerEndpointOptions
    {
        public override Uri Address { get; } = new("http://127.0.0.1:1");

        public override ISchedulerLink CreateLink() => Link;
    }

    private string At(params string[] parts) => _directory.At(parts);

    /// <summary>What is left of actions in a work directory, in its trash and its scratch too.</summary>
    private IEnumerable<string> Left(string work) =>
        Directory.EnumerateFileSystemEntries(At(work)).Where(path => !Path.GetFileName(path).StartsWith('.'))
            .Concat(Directory.EnumerateFileSystemEntries(At(work, ".trash")))
            .Concat(Directory.EnumerateFileSystemEntries(At(work, ".scripts")));

    private bool IsOurs(string process)
    {
        try
        {
            return new DirectoryInfo(Path.Combine(process, "cwd")).LinkTarget?.StartsWith(
                _directory.Path, StringComparison.Ordinal) == true;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static int? Setting(string name) =>
        Environment.GetEnvironmentVariable(name) is { Length: > 0 } text
            ? int.Parse(text, CultureInfo.InvariantCulture)
            : null;
}
