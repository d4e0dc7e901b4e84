using Grpc.Core;
using NativeLink.Actors.LocalCluster.Hosting;
using NativeLink.Actors.LocalCluster.Tests.Services;

namespace NativeLink.Actors.LocalCluster.Tests.Host;

/// <summary>A call that fails says why, by a code on which clients can act.</summary>
public sealed class CallStatusesTests
{
    private const int NoSpace = 28;

    public static TheoryData<Exception, bool, StatusCode> Failures => new()
    {
        { new FaultException(new Fault(FaultKind.Storage, "full")
        {
            Code = StatusCode.ResourceExhausted,
        }), false, StatusCode.ResourceExhausted },
        { new FaultException(FaultKind.Storage, "broken"), false, StatusCode.Internal },
        { new FaultException(new Fault(FaultKind.Storage, "damaged")
        {
            Code = StatusCode.DataLoss,
        }), false, StatusCode.DataLoss },
        { new FaultException(FaultKind.Missing, "gone"), false, StatusCode.NotFound },
        { new IOException("No space left on device", NoSpace), false, StatusCode.ResourceExhausted },
        { new IOException("reset by peer"), true, StatusCode.Cancelled },
        { new UnauthorizedAccessException("denied"), false, StatusCode.Internal },
        { new OperationCanceledException(), true, StatusCode.Cancelled },
        { new OperationCanceledException(), false, StatusCode.Unavailable },
        { new TimeoutException(), false, StatusCode.Unavailable },
        { new InvalidDataException("a mistake"), false, StatusCode.Internal },
    };

    [Theory]
    [MemberData(nameof(Failures))]
    public void Each_failure_has_its_code(Exception error, bool isOver, StatusCode expected)
    {
        var status = CallStatuses.StatusOf(error, isOver);
        Assert.Equal(expected, status.StatusCode);
        Assert.NotEmpty(status.Detail);
    }

    [Fact]
    public async Task A_blob_that_cannot_be_opened_fails_a_read_and_a_tree_with_INTERNAL_and_its_name()
    {
        await using var cluster = await RunningCluster.StartAsync();
        var digest = cluster.Put(Blobs.Random(100));
        var path = Path.Combine(cluster.DataDirectory, "cas", "d", $"{digest.Hash}-{digest.SizeBytes}");
        File.Delete(path);
        File.CreateSymbolicLink(path, "nowhere");
        var error = await Blobs.FailsWithAsync(StatusCode.Internal,
            () => cluster.Bytes.DownloadAsync($"blobs/{digest.Hash}/{digest.SizeBytes}"));
        Assert.Contains("cannot be opened", error.Status.Detail, StringComparison.Ordinal);
        using var tree = cluster.Cas.GetTree(new Reapi.GetTreeRequest { RootDigest = digest.ToWire() });
        await Blobs.FailsWithAsync(StatusCode.Internal, () => tree.ResponseStream.MoveNext(CancellationToken.None));
    }
}
