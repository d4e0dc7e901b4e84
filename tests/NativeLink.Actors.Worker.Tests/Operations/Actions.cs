using Google.Protobuf.WellKnownTypes;
using NativeLink.Actors.Cas.Channels;
using NativeLink.Actors.Protocol.Hashing;
using NativeLink.Actors.Storage.Materialisers;
using NativeLink.Actors.Worker.Connection;
using NativeLink.Actors.Worker.Connection.WorkerApi;
using NativeLink.Actors.Worker.Operations;
using NativeLink.Actors.Worker.Processes;

namespace NativeLink.Actors.Worker.Tests.Operations;

/// <summary>Building blocks of executor tests.</summary>
internal static class Actions
{
    public static readonly OperationId Op = new("3f6c2b1e-0000-4000-8000-000000000001");

    public static readonly AttemptId Attempt = AttemptId.Next(Op);

    public static readonly Digest ActionDigest = BlobHasher.Compute("action"u8, DigestFunction.Sha256);

    public static readonly Digest RootDigest = BlobHasher.Compute("root"u8, DigestFunction.Sha256);

    public static readonly DateTimeOffset Queued = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    public static ActionAssignment Assignment(OperationId? id = null, Digest? action = null,
        params (string Name, string Value)[] platform) =>
        new(id ?? Op, "main", action ?? ActionDigest, Platform(platform), Queued, new WorkerId("worker-1"));

    public static Reapi.Platform Platform(params (string Name, string Value)[] properties)
    {
        var platform = new Reapi.Platform();
        platform.Properties.AddRange(properties.Select(
            property => new Reapi.Platform.Types.Property { Name = property.Name, Value = property.Value }));
        return platform;
    }

    public static Reapi.Action Action(Duration? timeout = null, bool doNotCache = false) =>
        new() { InputRootDigest = RootDigest.ToWire(), Timeout = timeout, DoNotCache = doNotCache };

    public static Reapi.Command Command(params string[] arguments)
    {
        var command = new Reapi.Command();
        command.Arguments.AddRange(arguments.Length > 0 ? arguments : ["/bin/true"]);
        return command;
    }

    public static Reapi.Command CommandWithOutputs(params string[] paths)
    {
        var command = Command();
        command.OutputPaths.AddRange(paths);
        return command;
    }

    public static ExecutorOptions Options() => new() { MaxActionTimeout = TimeSpan.FromSeconds(100) };

    public static ConnectionOptions Connection() => new()
    {
        SchedulerEndpoint = new WorkerApiEndpointOptions(new GrpcEndpointOptions(new Uri("http://127.0.0.1:1"))),
    };

    public static ProcessReport Report(int exitCode = 0, int signal = 0, bool aborted = false,
        bool outOfMemory = false) =>
        new(exitCode, signal, aborted, Queued.AddSeconds(1), Queued.AddSeconds(2),
            new ResourceUsage(2048, TimeSpan.FromMilliseconds(150), outOfMemory));

    public static Reapi.ActionResult Uploaded(string stdout = "out", string stderr = "err") => new()
    {
        StdoutDigest = BlobHasher.Compute(System.Text.Encoding.UTF8.GetBytes(stdout), DigestFunction.Sha256).ToWire(),
        StderrDigest = BlobHasher.Compute(System.Text.Encoding.UTF8.GetBytes(stderr), DigestFunction.Sha256).ToWire(),
    };

    public static Reapi.ExecutedActionMetadata Complete(Reapi.ExecuteResponse response)
    {
        Assert.NotNull(response.Result);
        Assert.Equal(64, response.Result.StdoutDigest.Hash.Length);
        Assert.Equal(64, response.Result.StderrDigest.Hash.Length);
        var metadata = response.Result.ExecutionMetadata;
        Timestamp?[] stamps =
        [
            metadata.QueuedTimestamp, metadata.WorkerStartTimestamp, metadata.InputFetchStartTimestamp,
            metadata.InputFetchCompletedTimestamp,
            metadata.ExecutionStartTimestamp, metadata.ExecutionCompletedTimestamp, metadata.OutputUploadStartTimestamp,
            metadata.OutputUploadCompletedTimestamp, metadata.WorkerCompletedTimestamp,
        ];
        Assert.All(stamps, Assert.NotNull);
        Assert.Equal(stamps.OrderBy(stamp => stamp!.ToDateTimeOffset()), stamps);
        return metadata;
    }
}

/// <summary>An input root that is a plain directory.</summary>
public sealed class PlainRoot(string path) : IInputRoot
{
    public string Path => path;

    public string Materialiser => "copy";

    public bool Cached => false;

    public long Bytes => 0;

    public bool Disposed { get; private set; }

    public string? OutOfSpaceReason { get; set; }

    public string? UpperLayerPath(string path) => path;

    public void Dispose() => Disposed = true;
}
