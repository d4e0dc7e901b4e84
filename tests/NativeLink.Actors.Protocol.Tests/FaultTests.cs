using Grpc.Core;

namespace NativeLink.Actors.Protocol.Tests;

public sealed class FaultTests
{
    [Fact]
    public void A_carried_fault_comes_out_as_it_went_in_also_from_an_aggregate()
    {
        var fault = new Fault(FaultKind.Missing, "gone") { Missing = [Digest.Empty(DigestFunction.Sha256)] };
        var carrier = new FaultException(fault);
        Assert.Same(fault, Fault.From(carrier));
        Assert.Same(fault, Fault.From(new AggregateException(carrier)));
        Assert.Equal("Missing: gone", carrier.Message);
    }

    [Fact]
    public void A_cancellation_is_an_abort() =>
        Assert.Equal(FaultKind.Aborted, Fault.From(new TaskCanceledException()).Kind);

    [Fact]
    public void A_failed_call_is_the_stores_fault_and_keeps_its_code()
    {
        var fault = Fault.From(new RpcException(new Status(StatusCode.Unavailable, "down")));
        Assert.Equal((FaultKind.Storage, StatusCode.Unavailable, "Unavailable: down"),
            (fault.Kind, fault.Code!.Value, fault.Detail));
    }

    [Fact]
    public void Anything_else_is_the_fault_of_whom_the_caller_names()
    {
        Assert.Equal(new Fault(FaultKind.Worker, "IOException: disk"), Fault.From(new IOException("disk")));
        Assert.Equal(FaultKind.Action, Fault.From(new IOException("disk"), FaultKind.Action).Kind);
        Assert.Equal(
            FaultKind.Worker, Fault.From(new AggregateException(new IOException("a"), new IOException("b"))).Kind);
    }
}
