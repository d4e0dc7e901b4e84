using NativeLink.Actors.Protocol.Hashing;
using NativeLink.Actors.Worker.Connection;
using NativeLink.Actors.Worker.Connection.WorkerApi;
using NativeLink.Actors.Worker.Operations;
using static NativeLink.Actors.Worker.Tests.Operations.Actions;

namespace NativeLink.Actors.Worker.Tests.Operations;

public sealed class ResultTests
{
    private static Reapi.ExecuteResponse Response(int exitCode, int status = 0) => new()
    {
        Result = new Reapi.ActionResult { ExitCode = exitCode },
        Status = status == 0 ? null : new Google.Rpc.Status { Code = status, Message = "test error" },
    };

    [Theory]
    [InlineData(ResultStrategy.SuccessOnly, 0, 0, true)]
    [InlineData(ResultStrategy.SuccessOnly, 1, 0, false)]
    [InlineData(ResultStrategy.SuccessOnly, 0, 4, false)]
    [InlineData(ResultStrategy.Everything, 1, 0, true)]
    [InlineData(ResultStrategy.Everything, 1, 4, false)]
    [InlineData(ResultStrategy.FailuresOnly, 1, 0, true)]
    [InlineData(ResultStrategy.FailuresOnly, 0, 0, false)]
    [InlineData(ResultStrategy.Never, 0, 0, false)]
    public void NL_075_NL_076_NL_077_The_action_cache_takes_what_its_strategy_says_and_never_a_status_error(
        ResultStrategy strategy, int exit, int status, bool cached)
    {
        var options = new UploadResultOptions
        {
            ActionCacheStrategy = strategy,
            HistoricalStrategy = ResultStrategy.Never,
        };
        Assert.Equal(
            cached, ResultPolicy.Plan(options, false, ActionDigest, Response(exit, status))?.ActionCache is not null);
        Assert.Null(ResultPolicy.Plan(options, true, ActionDigest, Response(exit, status)));
    }

    [Theory]
    [InlineData(ResultStrategy.SuccessOnly, 0, 0, true)]
    [InlineData(ResultStrategy.SuccessOnly, 1, 0, false)]
    [InlineData(ResultStrategy.FailuresOnly, 1, 0, true)]
    [InlineData(ResultStrategy.FailuresOnly, 0, 3, true)]
    [InlineData(ResultStrategy.FailuresOnly, 0, 0, false)]
    [InlineData(ResultStrategy.Everything, 0, 0, true)]
    public void NL_079_NL_080_NL_081_A_historical_record_follows_its_strategy_and_a_status_error_is_a_failure(
        ResultStrategy strategy, int exit, int status, bool kept)
    {
        var options = new UploadResultOptions { HistoricalStrategy = strategy };
        var response = Response(exit, status);
        var record = ResultPolicy.Plan(options, true, ActionDigest, response)?.Historical;
        Assert.Equal(kept, record is not null);
        if (kept)
            Assert.Equal((response, ActionDigest.ToWire()), (record!.ExecuteResponse, record.ActionDigest));
    }

    [Fact]
    public void NL_079_NL_080_NL_081_NL_083_Messages_come_from_the_fitting_template_if_something_was_written()
    {
        var options = new UploadResultOptions
        {
            SuccessMessageTemplate = "{digest_function} {historical_results_hash}-{historical_results_size}",
            FailureMessageTemplate = "failed {action_digest_hash}/{action_digest_size} {historical_results_hash}",
        };
        var record = BlobHasher.Compute("record"u8, DigestFunction.Blake3);
        var blake = BlobHasher.Compute("a"u8, DigestFunction.Blake3);
        Assert.Equal($"blake3 {record.Hash}-{record.SizeBytes}",
            ResultPolicy.Message(options, Response(0), blake, new(false, record)));
        Assert.Equal($"failed {blake.Hash}/1 ", ResultPolicy.Message(options, Response(0, 3), blake, new(true, null)));
        Assert.Equal("", ResultPolicy.Message(options, Response(0), blake, new(false, null)));
        Assert.Equal("", ResultPolicy.Message(options, Response(0), blake, null));
    }

    public static TheoryData<FaultKind, bool, int> Faults => new()
    {
        { FaultKind.Action, true, 3 }, { FaultKind.Missing, true, 9 }, { FaultKind.Aborted, true, 10 },
        { FaultKind.TimedOut, true, 4 },
        { FaultKind.Worker, false, 13 }, { FaultKind.Storage, false, 14 },
    };

    [Theory]
    [MemberData(nameof(Faults))]
    public void Every_kind_of_fault_has_its_place_on_the_wire_and_final_answers_are_complete(
        FaultKind kind, bool final, int code)
    {
        var fault = new Fault(kind, "why");
        var result = ExecuteResultBuilder.Build(
            new ActionOutcome(Assignment(), ResultKinds.Of(fault), fault, new ActionStamps()));
        Assert.Equal(final, result.ExecuteResponse is not null);
        Assert.Equal(code, (result.ExecuteResponse?.Status ?? result.InternalError)!.Code);
        if (final)
            Complete(result.ExecuteResponse!);
    }

    [Fact]
    public void A_full_disk_is_a_verdict_of_its_own() =>
        Assert.Equal(
            ResultKind.DiskFull, ResultKinds.Of(new Fault(FaultKind.Storage, "write /x: No space left on device")));

    [Fact]
    public void Verdicts_have_distinct_labels() =>
        Assert.Distinct(Enum.GetValues<ResultKind>().Select(resultKind => resultKind.Label()));

    [Fact]
    public void A_result_of_50_000_output_files_is_told_while_it_fits_and_else_fails_with_the_reason()
    {
        static ExecuteResult Build(int files, int nameLength)
        {
            var outputs = Uploaded();
            for (var i = 0; i < files; i++)
                outputs.OutputFiles.Add(new Reapi.OutputFile
                {
                    Path = $"{i}".PadLeft(nameLength, 'x'),
                    Digest = ActionDigest.ToWire(),
                });
            return ExecuteResultBuilder.Build(new ActionOutcome(Assignment(), ResultKind.Succeeded, null,
                new ActionStamps())
            { Process = Report(), Outputs = outputs });
        }
        Assert.Equal(20_000, Build(20_000, 20).ExecuteResponse!.Result.OutputFiles.Count);
        var tooLarge = Build(50_000, 20);
        Assert.InRange(new WorkerApiTranslator().ToWire(new LinkProtocol.ResultReady(tooLarge)).CalculateSize(), 1,
            4 << 20);
        Assert.Equal((int)Grpc.Core.StatusCode.InvalidArgument, tooLarge.ExecuteResponse!.Status.Code);
        Assert.Contains("50000 output files", tooLarge.ExecuteResponse!.Status.Message, StringComparison.Ordinal);
        Complete(tooLarge.ExecuteResponse);
    }

    [Fact]
    public void What_an_action_cost_is_remembered_with_its_result_and_an_action_that_never_ran_cost_nothing()
    {
        var ran = ExecuteResultBuilder.Build(new ActionOutcome(
            Assignment(), ResultKind.Succeeded, null, new ActionStamps())
        { Process = Report(), Outputs = Uploaded() });
        var options = new UploadResultOptions { ActionCacheStrategy = ResultStrategy.SuccessOnly };
        var entry = ResultPolicy.Plan(options, false, ActionDigest, ran.ExecuteResponse!)!.ActionCache!;
        Assert.Equal(ResourceUsageMessage.ToWire(ran.Usage!.Value, ran.OperationId, Assignment().Worker),
            Assert.Single(entry.ExecutionMetadata.AuxiliaryMetadata).Unpack<Wire.ActionResourceUsage>());
        var never = ExecuteResultBuilder.Build(new ActionOutcome(
            Assignment(), ResultKind.InvalidAction, new Fault(FaultKind.Action, "why"), new ActionStamps()));
        Assert.Empty(never.ExecuteResponse!.Result.ExecutionMetadata.AuxiliaryMetadata);
    }

    [Fact]
    public void Violations_name_blake3_and_never_sha256()
    {
        var blake = BlobHasher.Compute("a"u8, DigestFunction.Blake3);
        var status = FaultMapping.ToStatus(new Fault(FaultKind.Missing, "gone") { Missing = [blake, ActionDigest] });
        Assert.Equal(
            [$"blobs/blake3/{blake}", $"blobs/{ActionDigest}"],
            status.Details[0].Unpack<Google.Rpc.PreconditionFailure>().Violations.Select(
                violation => violation.Subject));
    }
}
