using System.Security.Cryptography;
using System.Text;
using Google.Protobuf.WellKnownTypes;

namespace NativeLink.Actors.LocalCluster.Tests.Scheduling;

/// <summary>Messages that tests of the scheduler need.</summary>
internal static class Samples
{
    public static Digest DigestOf(string text) => DigestOf(Encoding.UTF8.GetBytes(text));

    public static Digest DigestOf(ReadOnlySpan<byte> bytes) =>
        Digest.FromHash(SHA256.HashData(bytes), bytes.Length, DigestFunction.Sha256);

    /// <summary>From texts such as <c>cpu_count=2</c>.</summary>
    public static Reapi.Platform Properties(params string[] properties)
    {
        var platform = new Reapi.Platform();
        foreach (var property in properties)
        {
            var at = property.IndexOf('=', StringComparison.Ordinal);
            platform.Properties.Add(new Reapi.Platform.Types.Property
            {
                Name = property[..at],
                Value = property[(at + 1)..],
            });
        }

        return platform;
    }

    /// <summary>The smallest answer that is complete.</summary>
    public static Reapi.ExecuteResponse FullResponse(int exitCode = 0)
    {
        var empty = DigestOf("").ToWire();
        return new Reapi.ExecuteResponse
        {
            Result = new Reapi.ActionResult
            {
                ExitCode = exitCode,
                StdoutDigest = empty,
                StderrDigest = empty.Clone(),
                ExecutionMetadata = new Reapi.ExecutedActionMetadata
                {
                    Worker = "scripted",
                    QueuedTimestamp = At(1),
                    WorkerStartTimestamp = At(2),
                    WorkerCompletedTimestamp = At(3),
                    InputFetchStartTimestamp = At(4),
                    InputFetchCompletedTimestamp = At(5),
                    ExecutionStartTimestamp = At(6),
                    ExecutionCompletedTimestamp = At(7),
                    OutputUploadStartTimestamp = At(8),
                    OutputUploadCompletedTimestamp = At(9),
                },
            },
        };
    }

    private static Timestamp At(long seconds) => new() { Seconds = seconds };
}
