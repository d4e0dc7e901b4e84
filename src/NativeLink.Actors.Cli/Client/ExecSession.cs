using System.Diagnostics;
using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using NativeLink.Actors.Cli.Hosting;
using NativeLink.Actors.Protocol;

namespace NativeLink.Actors.Cli.Client;

/// <summary>
/// One action from the input directory to the outputs:
/// upload, execute, print, write, and the exit code.
/// </summary>
internal sealed class ExecSession(ReapiClient client, IExecReporter reporter, Stream stdout, Stream stderr)
{
    private const int Uploads = 3;

    private readonly List<(string Stage, TimeSpan Time, string Note)> _stages = [];

    /// <returns>The action's exit code, or <see cref="ExitCodes.ExecutorFailed"/> when the executor
    /// failed and the action has no code of its own.</returns>
    /// <exception cref="FaultException">Something on the way failed.</exception>
    /// <exception cref="OutputsInterruptedException">Cancelled when the action had ended.</exception>
    public async Task<int> RunAsync(ExecRequest request, CancellationToken cancellation)
    {
        var response = await reporter.FollowAsync(() => ExecuteAsync(request, cancellation));
        var result = response.Result ?? new Reapi.ActionResult();
        var began = Stopwatch.GetTimestamp();
        var writer = new OutputWriter(client, request.Into);
        try
        {
            await PrintAsync(result.StdoutRaw.Memory, result.StdoutDigest, stdout, "stdout", cancellation);
            await PrintAsync(result.StderrRaw.Memory, result.StderrDigest, stderr, "stderr", cancellation);
            await writer.WriteAsync(result, "", cancellation);
        }
        catch (OperationCanceledException error)
        {
            throw new OutputsInterruptedException(error);
        }
        AddStages(result.ExecutionMetadata);
        _stages.Add(("get outputs", Stopwatch.GetElapsedTime(began), $"{writer.Files} files, {writer.Bytes} bytes"));
        reporter.Stages(_stages);
        return Conclude(response, result, request, writer);
    }

    private async Task<Reapi.ExecuteResponse> ExecuteAsync(ExecRequest request, CancellationToken cancellation)
    {
        reporter.Step($"connecting to {client.Address.Authority}");
        await client.CheckCapabilitiesAsync(cancellation);
        var began = Stopwatch.GetTimestamp();
        var tree = InputTree.Read(request.InputDirectory, client.DigestFunction, cancellation);
        var action = AddAction(tree, request);
        _stages.Add(("read inputs", Stopwatch.GetElapsedTime(began), $"{tree.Files} files"));
        for (var attempt = 1; ; attempt++)
        {
            began = Stopwatch.GetTimestamp();
            reporter.Step($"uploading inputs ({tree.Files} files)");
            var (blobs, bytes) = await client.UploadAsync(tree.Blobs, cancellation);
            _stages.Add(("upload inputs", Stopwatch.GetElapsedTime(began),
                $"{blobs} of {tree.Blobs.Count} blobs, {bytes} bytes"));
            reporter.Step($"executing {action}");
            began = Stopwatch.GetTimestamp();
            var last = Reapi.ExecutionStage.Types.Value.Unknown;
            var response = await client.ExecuteAsync(action, request.NoCache, metadata =>
            {
                if (metadata.Stage != last)
                    reporter.Step(Words(last = metadata.Stage));
            }, cancellation);
            _stages.Add(
                ("execute", Stopwatch.GetElapsedTime(began), response.CachedResult ? "from the action cache" : ""));
            // Blobs may have been evicted between upload and use: once more, as clients do.
            if (response.Status?.Code == (int)Google.Rpc.Code.FailedPrecondition && attempt < Uploads)
                continue;
            return response;
        }
    }

    private static Digest AddAction(InputTree tree, ExecRequest request)
    {
        var platform = new Reapi.Platform();
        platform.Properties.Add(request.Properties.Select(
            pair => new Reapi.Platform.Types.Property { Name = pair.Key, Value = pair.Value }));
        var command = new Reapi.Command { Platform = platform };
        command.Arguments.Add(request.Arguments);
        command.EnvironmentVariables.Add(request.Environment.Select(
            pair => new Reapi.Command.Types.EnvironmentVariable { Name = pair.Key, Value = pair.Value }));
        command.OutputPaths.Add(request.Outputs.Distinct().Order(Utf8Order.Instance));
        return tree.Add(new Reapi.Action
        {
            CommandDigest = tree.Add(command).ToWire(),
            InputRootDigest = tree.Root.ToWire(),
            Platform = platform,
            DoNotCache = request.NoCache,
            Timeout = request.Timeout is { } timeout ? Duration.FromTimeSpan(timeout) : null,
        });
    }

    private static string Words(Reapi.ExecutionStage.Types.Value stage) => stage switch
    {
        Reapi.ExecutionStage.Types.Value.CacheCheck => "looking into the action cache",
        Reapi.ExecutionStage.Types.Value.Queued => "queued",
        Reapi.ExecutionStage.Types.Value.Executing => "executing",
        Reapi.ExecutionStage.Types.Value.Completed => "completed",
        _ => "accepted",
    };

    /// <summary>
    /// The action has run: where its words cannot be written that is said, and changes nothing
    /// else. Nothing is fetched for a size of 0: a scheduler that gave up says so with a hash of
    /// zeros, which names no blob, and its reason is to be shown.
    /// </summary>
    private async Task PrintAsync(
        ReadOnlyMemory<byte> raw, Reapi.Digest? wire, Stream target, string name, CancellationToken cancellation)
    {
        try
        {
            if (raw.Length > 0)
                await target.WriteAsync(raw, cancellation);
            else if (wire is { SizeBytes: > 0 } && target != Stream.Null
                && Digest.TryFromWire(wire, client.DigestFunction, out var digest))
                await client.DownloadAsync(digest, target, cancellation);
            await target.FlushAsync(cancellation);
        }
        catch (IOException error)
        {
            reporter.Step($"exec: the action's {name} cannot be written: {Reasons.Of(error)}");
        }
    }

    private void AddStages(Reapi.ExecutedActionMetadata? times)
    {
        if (times is null)
            return;
        Add("· queued", times.QueuedTimestamp, times.WorkerStartTimestamp, times.Worker.Length == 0
            ? ""
            : $"then on {times.Worker}");
        Add("· fetch inputs", times.InputFetchStartTimestamp, times.InputFetchCompletedTimestamp, "");
        Add("· run", times.ExecutionStartTimestamp, times.ExecutionCompletedTimestamp, "");
        Add("· upload outputs", times.OutputUploadStartTimestamp, times.OutputUploadCompletedTimestamp, "");

        void Add(string stage, Timestamp? from, Timestamp? to, string note)
        {
            if (from is not null && to is not null && to >= from)
                _stages.Add((stage, (to - from).ToTimeSpan(), note));
        }
    }

    private int Conclude(
        Reapi.ExecuteResponse response, Reapi.ActionResult result, ExecRequest request, OutputWriter writer)
    {
        if (response.Message.Length > 0)
            reporter.Step(response.Message);
        if (response.Status is { Code: not 0 } status)
        {
            var name = ((Grpc.Core.StatusCode)status.Code).ToString();
            reporter.Step($"the executor answered {name}: {status.Message}");
            foreach (var detail in status.Details)
                if (detail.TryUnpack(out Google.Rpc.PreconditionFailure precondition))
                    foreach (var violation in precondition.Violations)
                        reporter.Step($"  {violation.Type} {violation.Subject} {violation.Description}".TrimEnd());
            return result.ExitCode is > 0 and < 256 ? result.ExitCode : ExitCodes.ExecutorFailed;
        }
        var outputs = writer.Files > 0 ? $", outputs in {Path.GetFullPath(request.Into)}" : "";
        reporter.Step(string.Create(CultureInfo.InvariantCulture,
            $"exit code {result.ExitCode}{(response.CachedResult ? " (cached)" : "")}{outputs}"));
        foreach (var path in request.Outputs.Where(path => !Produced(result, path)))
            reporter.Step($"warning: the action did not produce '{path}'");
        return result.ExitCode is >= 0 and < 256 ? result.ExitCode : ExitCodes.ExecutorFailed;
    }

    private static bool Produced(Reapi.ActionResult result, string path) =>
        result.OutputFiles.Any(file => file.Path == path)
            || result.OutputDirectories.Any(directory => directory.Path == path)
        || result.OutputSymlinks.Concat(result.OutputFileSymlinks).Concat(result.OutputDirectorySymlinks)
            .Any(link => link.Path == path);
}
