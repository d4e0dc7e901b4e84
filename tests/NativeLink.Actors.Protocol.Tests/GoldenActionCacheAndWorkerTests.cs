using Build.Bazel.Semver;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Compressor = Build.Bazel.Remote.Execution.V2.Compressor.Types.Value;
using Function = Build.Bazel.Remote.Execution.V2.DigestFunction.Types.Value;

namespace NativeLink.Actors.Protocol.Tests;

/// <summary>
/// Encodings of <c>ActionCache</c>, <c>Capabilities</c> and those of <c>WorkerApi</c> that the
/// recording lacks, written by hand.
/// </summary>
public sealed class GoldenActionCacheAndWorkerTests
{
    [Fact]
#pragma warning disable CS0612 // Bazel 4 reads only the two older symlink lists.
    public void ActionResult() => Golden.Holds(
        "12170a016612060a026162100120012a01633a051a0308ed031a150a01641a060a026364100220012a060a026566100320cefeffffffffffffff012a016f32040a0230303a016542060a"
        + "02313110054a090a017712040801100252060a01611201625a060a016312016462060a0165120166",
        new Reapi.ActionResult
        {
            OutputFiles =
            {
                new Reapi.OutputFile
                {
                    Path = "f",
                    Digest = Golden.Digest("ab", 1),
                    IsExecutable = true,
                    Contents = ByteString.CopyFromUtf8("c"),
                    NodeProperties = new() { UnixMode = 493 },
                },
            },
            OutputDirectories =
            {
                new Reapi.OutputDirectory
                {
                    Path = "d",
                    TreeDigest = Golden.Digest("cd", 2),
                    IsTopologicallySorted = true,
                    RootDirectoryDigest = Golden.Digest("ef", 3),
                },
            },
            ExitCode = -178,
            StdoutRaw = ByteString.CopyFromUtf8("o"),
            StdoutDigest = Golden.Digest("00", 0),
            StderrRaw = ByteString.CopyFromUtf8("e"),
            StderrDigest = Golden.Digest("11", 5),
            ExecutionMetadata = new() { Worker = "w", QueuedTimestamp = new Timestamp { Seconds = 1, Nanos = 2 } },
            OutputFileSymlinks = { new Reapi.OutputSymlink { Path = "a", Target = "b" } },
            OutputDirectorySymlinks = { new Reapi.OutputSymlink { Path = "c", Target = "d" } },
            OutputSymlinks = { new Reapi.OutputSymlink { Path = "e", Target = "f" } },
        });
#pragma warning restore CS0612

    [Fact]
    public void Requests_of_ActionCache()
    {
        Golden.Holds("0a046d61696e12060a0261621001180120012a016f3009", new Reapi.GetActionResultRequest
        {
            InstanceName = "main",
            ActionDigest = Golden.Digest("ab", 1),
            InlineStdout = true,
            InlineStderr = true,
            InlineOutputFiles = { "o" },
            DigestFunction = Function.Blake3,
        });
        Golden.Holds("0a046d61696e12060a02616210011a022001220208022801", new Reapi.UpdateActionResultRequest
        {
            InstanceName = "main",
            ActionDigest = Golden.Digest("ab", 1),
            ActionResult = new() { ExitCode = 1 },
            ResultsCachePolicy = new() { Priority = 2 },
            DigestFunction = Function.Sha256,
        });
    }

    [Fact]
    public void ServerCapabilities() => Golden.Holds(
        "0a2e0a020109120208011a040a0210092080800428013201013a01014004480150015a060880802010016204080510061220080110011a130a1108ffffffffffffffffff0110ffffffff"
        + "072201702a020109220208022a0a08021003180122027263",
        new Reapi.ServerCapabilities
        {
            CacheCapabilities = new()
            {
                DigestFunctions = { Function.Sha256, Function.Blake3 },
                ActionCacheUpdateCapabilities = new() { UpdateEnabled = true },
                CachePriorityCapabilities = new()
                {
                    Priorities = { new Reapi.PriorityCapabilities.Types.PriorityRange { MaxPriority = 9 } },
                },
                MaxBatchTotalSizeBytes = 65536,
                SymlinkAbsolutePathStrategy = Reapi.SymlinkAbsolutePathStrategy.Types.Value.Disallowed,
                SupportedCompressors = { Compressor.Zstd },
                SupportedBatchUpdateCompressors = { Compressor.Zstd },
                MaxCasBlobSizeBytes = 4,
                SplitBlobSupport = true,
                SpliceBlobSupport = true,
                FastCdc2020Params = new() { AvgChunkSizeBytes = 524288, Seed = 1 },
                RepMaxCdcParams = new() { MinChunkSizeBytes = 5, HorizonSizeBytes = 6 },
            },
            ExecutionCapabilities = new()
            {
                DigestFunction = Function.Sha256,
                ExecEnabled = true,
                ExecutionPriorityCapabilities = new()
                {
                    Priorities = { new Reapi.PriorityCapabilities.Types.PriorityRange
                    {
                        MinPriority = -1,
                        MaxPriority = int.MaxValue,
                    } },
                },
                SupportedNodeProperties = { "p" },
                DigestFunctions = { Function.Sha256, Function.Blake3 },
            },
            LowApiVersion = new() { Major = 2 },
            HighApiVersion = new() { Major = 2, Minor = 3, Patch = 1, Prerelease = "rc" },
        });

    [Fact]
    public void SemVer() => Golden.Holds("0802100318042203726331", new SemVer
    {
        Major = 2,
        Minor = 3,
        Patch = 4,
        Prerelease = "rc1",
    });

    [Fact]
    public void UpdateForWorker()
    {
        Golden.Holds("2a040a026f70", new Wire.UpdateForWorker { KillOperationRequest = new() { OperationId = "op" } });
        Golden.Holds("1200", new Wire.UpdateForWorker { KeepAlive = new() });
        Golden.Holds("2200", new Wire.UpdateForWorker { Disconnect = new() });
    }

    [Fact]
    public void UpdateForScheduler()
    {
        Golden.Holds("1200", new Wire.UpdateForScheduler { KeepAliveRequest = new() });
        Golden.Holds("1a00", new Wire.UpdateForScheduler { GoingAwayRequest = new() });
        Golden.Holds("221e0a046d61696e12026f702202080a2a0e08800810011a026f702201772807", new Wire.UpdateForScheduler
        {
            ExecuteResult = new()
            {
                InstanceName = "main",
                OperationId = "op",
                InternalError = new() { Code = 10 },
                ResourceUsage = new()
                {
                    PeakMemoryKb = 1024,
                    Sampled = true,
                    OperationId = "op",
                    WorkerId = "w",
                    CpuTimeMs = 7,
                },
            },
        });
    }

    [Fact]
    public void HistoricalExecuteResponse() => Golden.Holds(
        "0a060a02616210011a040a022001",
        new Wire.HistoricalExecuteResponse
        {
            ActionDigest = Golden.Digest("ab", 1),
            ExecuteResponse = new() { Result = new() { ExitCode = 1 } },
        });
}
