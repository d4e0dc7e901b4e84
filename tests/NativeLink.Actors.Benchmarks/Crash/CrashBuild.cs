using System.Globalization;
using System.Text;
using Google.Protobuf;
using NativeLink.Actors.Benchmarks.Rig;
using NativeLink.Actors.Protocol;
using NativeLink.Actors.Protocol.Hashing;

namespace NativeLink.Actors.Benchmarks.Crash;

/// <summary>
/// What the clients of the crash rounds ask for: a build whose
/// outputs are known beforehand, and a load of everything else.
/// </summary>
internal sealed class CrashBuild(string mark)
{
    public const string MarkName = "NLA_CRASH_ROUND";

    private const int Trees = 3;
    private const int Files = 200;
    private const int Steps = 8;
    private const int Inflight = 8;
    private const int Noise = 400;

    private readonly Dictionary<string, string> _environment = new() { ["PATH"] = "/usr/bin:/bin", [MarkName] = mark };

    /// <summary>Every blob that a client has ever sent or been told of.</summary>
    public HashSet<Digest> Seen { get; } = [];

    /// <summary>
    /// Runs the build, nothing taken from the action cache;
    /// throws when an output is not what it has to be.
    /// </summary>
    public async Task RunAsync(ISubject subject)
    {
        using var client = new LoadClient(subject.Cas);
        var steps = Add(client.Blobs, "");
        await SendAsync(client);
        await Task.WhenAll(steps.Select(async step =>
        {
            var result = await subject.ExecuteAsync(client, step.Action);
            var output = result.OutputFiles.Single().Digest;
            if (output.Hash != step.Output.Hash || output.SizeBytes != step.Output.SizeBytes)
                throw new InvalidOperationException($"an output of the build is {output}, not {step.Output}");
            lock (Seen)
                Seen.Add(step.Output);
        }));
    }

    /// <summary>
    /// Keeps the subject busy until it dies: the build's actions, outputs of many sizes, actions
    /// that would sleep for a minute, uploads.
    /// </summary>
    /// <param name="answered">Completed when the first action has been answered.</param>
    /// <param name="killed">Cancelled right before the kill: what breaks afterwards is meant to.</param>
    public async Task LoadAsync(
        ISubject subject, Random random, TaskCompletionSource answered, CancellationToken killed)
    {
        using var client = new LoadClient(subject.Cas);
        try
        {
            var actions = Add(client.Blobs, random.Next().ToString(CultureInfo.InvariantCulture))
                .Select(static step => step.Action).ToList();
            for (var i = 0; i < Noise; i++)
                actions.Insert(random.Next(actions.Count), AddNoise(client.Blobs, random));
            await SendAsync(client);
            var next = -1;
            await Task.WhenAll(Enumerable.Range(0, Inflight).Select(async _ =>
            {
                for (int at; (at = Interlocked.Increment(ref next)) < actions.Count && !killed.IsCancellationRequested;)
                {
                    await subject.ExecuteAsync(client, actions[at]);
                    answered.TrySetResult();
                }
            }));
        }
        catch (Exception error) when (killed.IsCancellationRequested
            && error is Grpc.Core.RpcException or InvalidOperationException or IOException)
        {
            // The subject was killed under it, as it should be.
        }
    }

    private List<(Digest Action, Digest Output)> Add(BlobSet blobs, string salt)
    {
        var steps = new List<(Digest, Digest)>();
        for (var tree = 0; tree < Trees; tree++)
        {
            var root = InputTrees.Add(blobs, Files, "crash", InputTrees.Spread(Files, tree),
                string.Create(CultureInfo.InvariantCulture, $" {tree}"));
            for (var step = 0; step < Steps; step++)
            {
                var file = ((step * 17) + 1) % Files;
                var tag = InputTrees.Spread(Files, tree).Contains(file)
                    ? string.Create(CultureInfo.InvariantCulture, $"crash {tree}")
                    : "crash";
                byte[] expected = [.. InputTrees.Content(tag, file),
                    .. Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{tree} {step}\n"))];
                var script = $"cat {InputTrees.PathOf(file)} >out && chmod u+w {InputTrees.PathOf(0)} && echo " +
                    $"spoiled >{InputTrees.PathOf(0)} && echo {tree} {step} >>out";
                steps.Add((blobs.Add(["/bin/sh", "-c", script], root, ["out"], salt, _environment),
                    BlobHasher.Compute(expected, DigestFunction.Sha256)));
            }
        }
        return steps;
    }

    private Digest AddNoise(BlobSet blobs, Random random)
    {
        var salt = random.Next().ToString(CultureInfo.InvariantCulture);
        if (random.Next(40) == 0)
            return blobs.Add(["/bin/sh", "-c", "sleep 60 & sleep 60"], blobs.Add(new Reapi.Directory()), [], salt,
                _environment);
        var data = new byte[random.Next(1, 60_000)];
        random.NextBytes(data);
        var root = blobs.Add(new Reapi.Directory
        {
            Files = { new Reapi.FileNode { Name = "in", Digest = blobs.Add(ByteString.CopyFrom(data)).ToWire() } },
        });
        return blobs.Add(["/bin/sh", "-c", $"head -c {random.Next(1, 40_000)} /dev/urandom >out; echo {salt}"], root,
            ["out"], salt, _environment);
    }

    private async Task SendAsync(LoadClient client)
    {
        lock (Seen)
            Seen.UnionWith(client.Blobs.Pending.Keys);
        await client.UploadAsync();
    }
}
