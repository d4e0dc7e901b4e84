using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using Stage = Build.Bazel.Remote.Execution.V2.ExecutionStage.Types.Value;

namespace NativeLink.Actors.LocalCluster.Tests.Scheduling;

/// <summary>What a client is told of how its action has ended.</summary>
public sealed class ClientResultTests
{
    private readonly EngineRig _rig = new();

    [Fact]
    public void NL_238_NL_268_A_result_reaches_the_client_unchanged()
    {
        var worker = _rig.Connect();
        var client = _rig.Execute();
        var sent = RichResponse();
        worker.Answer(worker.Starts[0].OperationId, sent.Clone());
        Assert.Equal(sent, client.Response);
        Assert.Equal(Stage.Completed, client.Stage);
    }

    [Fact]
    public void NL_294_Details_of_a_status_reach_the_client()
    {
        var worker = _rig.Connect();
        var client = _rig.Execute();
        var sent = Samples.FullResponse(-178);
        var failure = new PreconditionFailure
        {
            Violations = { new PreconditionFailure.Types.Violation { Type = "MISSING", Subject = "blobs/x/1" } },
        };
        sent.Status = new Google.Rpc.Status { Code = 9, Message = "missing", Details = { Any.Pack(failure) } };
        worker.Answer(worker.Starts[0].OperationId, sent);
        Assert.Equal(failure, Assert.Single(client.Response!.Status.Details).Unpack<PreconditionFailure>());
    }

    [Fact]
    public void NL_295_A_result_without_a_status_gets_the_default_one()
    {
        var worker = _rig.Connect();
        var client = _rig.Execute();
        worker.Answer(worker.Starts[0].OperationId);
        Assert.Equal(new Google.Rpc.Status(), client.Response!.Status);
        Assert.False(client.Response.CachedResult);
    }

    [Fact]
    public void The_newer_symlink_list_is_filled_from_the_older_two_when_a_worker_leaves_it_empty()
    {
        var worker = _rig.Connect();
        var client = _rig.Execute();
        var sent = Samples.FullResponse();
#pragma warning disable CS0612 // The retired lists are what this is about.
        sent.Result.OutputFileSymlinks.Add(new Reapi.OutputSymlink { Path = "f", Target = "t" });
        sent.Result.OutputDirectorySymlinks.Add(new Reapi.OutputSymlink { Path = "d", Target = "t" });
#pragma warning restore CS0612
        worker.Answer(worker.Starts[0].OperationId, sent);
        Assert.Equal(["f", "d"], client.Response!.Result.OutputSymlinks.Select(l => l.Path));
    }

    [Theory]
    [InlineData("result")]
    [InlineData("stdout_digest")]
    [InlineData("execution_metadata")]
    [InlineData("queued_timestamp")]
    [InlineData("output file")]
    [InlineData("output directory")]
    [InlineData("server log")]
    [InlineData("execute_response")]
    public void NL_273_An_incomplete_result_ends_the_operation_with_INTERNAL_and_a_log_line(string part)
    {
        var worker = _rig.Connect(1);
        var client = _rig.Execute();
        worker.Send(new Wire.UpdateForScheduler
        {
            ExecuteResult = new Wire.ExecuteResult
            {
                OperationId = worker.Starts[0].OperationId,
                ExecuteResponse = Without(part),
            },
        });
        Assert.Equal((int)StatusCode.Internal, client.Response!.Status.Code);
        Assert.Contains(part, client.Response.Status.Message, StringComparison.Ordinal);
        Assert.NotNull(client.Response.Result);
        Assert.Contains(_rig.Log.Lines, l => l.Contains(part, StringComparison.Ordinal));
        Assert.False(worker.IsEvicted);
        _rig.Execute("next");
        Assert.Equal(2, worker.Starts.Count);
    }

    private static Reapi.ExecuteResponse RichResponse()
    {
        var response = Samples.FullResponse(5);
        var digest = Samples.DigestOf("content").ToWire();
        response.Result.OutputFiles.Add(new Reapi.OutputFile
        {
            Path = "some path1",
            Digest = digest,
            IsExecutable = true,
            Contents = ByteString.CopyFromUtf8("content"),
        });
        response.Result.OutputSymlinks.Add(new Reapi.OutputSymlink { Path = "some path3", Target = "some target3" });
        response.Result.OutputDirectories.Add(new Reapi.OutputDirectory
        {
            Path = "some path4",
            TreeDigest = digest,
            IsTopologicallySorted = true,
        });
        response.Result.StdoutRaw = ByteString.CopyFromUtf8("out");
        response.Result.ExecutionMetadata.VirtualExecutionDuration = new Duration { Seconds = 1 };
        response.Result.ExecutionMetadata.AuxiliaryMetadata.Add(Any.Pack(new Duration { Seconds = 3 }));
        response.ServerLogs["log_name"] = new Reapi.LogFile { Digest = digest, HumanReadable = true };
        response.Status = new Google.Rpc.Status { Code = 9, Message = "foo" };
        response.Message = "some message";
        return response;
    }

    private static Reapi.ExecuteResponse? Without(string part)
    {
        var response = Samples.FullResponse();
        switch (part)
        {
            case "result": response.Result = null; break;
            case "stdout_digest": response.Result.StdoutDigest = null; break;
            case "execution_metadata": response.Result.ExecutionMetadata = null; break;
            case "queued_timestamp": response.Result.ExecutionMetadata.QueuedTimestamp = null; break;
            case "output file":
                response.Result.OutputFiles.Add(new Reapi.OutputFile
                {
                    Path = "f",
                    Digest = new Reapi.Digest { Hash = "xyz" },
                }); break;
            case "output directory":
                response.Result.OutputDirectories.Add(new Reapi.OutputDirectory
                {
                    Path = "d",
                }); break;
            case "server log": response.ServerLogs["l"] = new Reapi.LogFile(); break;
            default: return null;
        }

        return response;
    }
}
