using Google.LongRunning;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;

namespace NativeLink.Actors.Protocol.Tests;

/// <summary>Encodings of <c>Execution</c> and <c>Operations</c>, written by hand.</summary>
public sealed class GoldenExecutionTests
{
    [Fact]
    public void ExecuteRequest() => Golden.Holds(
        "0a046d61696e180132070a026162108e013a0b08fbffffffffffffffff014202080748095001580162016f",
        new Reapi.ExecuteRequest
        {
            InstanceName = "main",
            SkipCacheLookup = true,
            ActionDigest = Golden.Digest("ab", 142),
            ExecutionPolicy = new() { Priority = -5 },
            ResultsCachePolicy = new() { Priority = 7 },
            DigestFunction = Reapi.DigestFunction.Types.Value.Blake3,
            InlineStdout = true,
            InlineStderr = true,
            InlineOutputFiles = { "o" },
        });

    [Fact]
    public void WaitExecutionRequest() => Golden.Holds("0a076d61696e2f6f70", new Reapi.WaitExecutionRequest
    {
        Name = "main/op",
    });

    [Fact]
    public void ExecuteResponse() => Golden.Holds(
        "0a02200310011a08080412046c61746522110a036c6f67120a0a060a026364100110012a016d",
        new Reapi.ExecuteResponse
        {
            Result = new() { ExitCode = 3 },
            CachedResult = true,
            Status = new() { Code = 4, Message = "late" },
            ServerLogs = { ["log"] = new() { Digest = Golden.Digest("cd", 1), HumanReadable = true } },
            Message = "m",
        });

    [Fact]
    public void ExecuteOperationMetadata() => Golden.Holds(
        "080312060a02616210011a036f757422036572722a030a01773001",
        new Reapi.ExecuteOperationMetadata
        {
            Stage = Reapi.ExecutionStage.Types.Value.Executing,
            ActionDigest = Golden.Digest("ab", 1),
            StdoutStreamName = "out",
            StderrStreamName = "err",
            PartialExecutionMetadata = new() { Worker = "w" },
            DigestFunction = Reapi.DigestFunction.Types.Value.Sha256,
        });

    [Fact]
    public void Action() => Golden.Holds(
        "0a060a026162100112060a02636410023202081e38014a01ff520d0a0b0a026f7312056c696e7578",
        new Reapi.Action
        {
            CommandDigest = Golden.Digest("ab", 1),
            InputRootDigest = Golden.Digest("cd", 2),
            Timeout = Duration.FromTimeSpan(TimeSpan.FromSeconds(30)),
            DoNotCache = true,
            Salt = ByteString.CopyFrom(0xff),
            Platform = new() { Properties = { new Reapi.Platform.Types.Property { Name = "os", Value = "linux" } } },
        });

    [Fact]
#pragma warning disable CS0612 // The two older output lists and the platform are what Bazel sends.
    public void Command() => Golden.Holds(
        "0a02736812060a01411201621a01662201642a003201773a017042016e4801",
        new Reapi.Command
        {
            Arguments = { "sh" },
            EnvironmentVariables = { new Reapi.Command.Types.EnvironmentVariable { Name = "A", Value = "b" } },
            OutputFiles = { "f" },
            OutputDirectories = { "d" },
            Platform = new(),
            WorkingDirectory = "w",
            OutputPaths = { "p" },
            OutputNodeProperties = { "n" },
            OutputDirectoryFormat = Reapi.Command.Types.OutputDirectoryFormat.DirectoryOnly,
        });
#pragma warning restore CS0612

    [Fact]
    public void Operation_with_a_response() => Golden.Holds(
        "0a076d61696e2f6f7012520a4c747970652e676f6f676c65617069732e636f6d2f6275696c642e62617a656c2e72656d6f74652e657865637574696f6e2e76322e457865637574"
        + "654f7065726174696f6e4d657461646174611202080418012a490a43747970652e676f6f676c65617069732e636f6d2f6275696c642e62617a656c2e72656d6f74652e6578656375"
        + "74696f6e2e76322e45786563757465526573706f6e736512021001",
        new Operation
        {
            Name = "main/op",
            Metadata = Any.Pack(new Reapi.ExecuteOperationMetadata
            {
                Stage = Reapi.ExecutionStage.Types.Value.Completed,
            }),
            Done = true,
            Response = Any.Pack(new Reapi.ExecuteResponse { CachedResult = true }),
        });

    [Fact]
    public void Operation_with_an_error() => Golden.Holds("0a026f7022020805", new Operation
    {
        Name = "op",
        Error = new() { Code = 5 },
    });

    [Fact]
    public void Requests_of_Operations()
    {
        Golden.Holds("0a016610031a017422016e", new ListOperationsRequest
        {
            Filter = "f",
            PageSize = 3,
            PageToken = "t",
            Name = "n",
        });
        Golden.Holds("0a040a026f7012016e", new ListOperationsResponse
        {
            Operations = { new Operation { Name = "op" } },
            NextPageToken = "n",
        });
        Golden.Holds("0a026f7012020805", new WaitOperationRequest
        {
            Name = "op",
            Timeout = new Duration { Seconds = 5 },
        });
        Golden.Holds("0a026f70", new CancelOperationRequest { Name = "op" });
        Golden.Holds("0a026f70", new DeleteOperationRequest { Name = "op" });
        Golden.Holds("0a026f70", new GetOperationRequest { Name = "op" });
        Golden.Holds("0a0161120162", new OperationInfo { ResponseType = "a", MetadataType = "b" });
    }

    [Fact]
    public void Status_with_the_details_of_lost_inputs() => Golden.Holds(
        "080912076d697373696e671a500a32747970652e676f6f676c65617069732e636f6d2f676f6f676c652e7270632e507265636f6e646974696f6e4661696c757265121a0a180a074d"
        + "495353494e47120a626c6f62732f61622f331a0178",
        new Google.Rpc.Status
        {
            Code = 9,
            Message = "missing",
            Details =
            {
                Any.Pack(new Google.Rpc.PreconditionFailure
                {
                    Violations = { new Google.Rpc.PreconditionFailure.Types.Violation
                    {
                        Type = "MISSING",
                        Subject = "blobs/ab/3",
                        Description = "x",
                    } },
                }),
            },
        });

    [Fact]
    public void RequestMetadata() => Golden.Holds(
        "0a0e0a0562617a656c1205342e322e331201611a01622201632a01643201653a0166",
        new Reapi.RequestMetadata
        {
            ToolDetails = new() { ToolName = "bazel", ToolVersion = "4.2.3" },
            ActionId = "a",
            ToolInvocationId = "b",
            CorrelatedInvocationsId = "c",
            ActionMnemonic = "d",
            TargetId = "e",
            ConfigurationId = "f",
        });
}
