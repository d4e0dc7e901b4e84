using System.Diagnostics.Metrics;

namespace NativeLink.Actors.Cas;

/// <summary>The client's instruments, all of meter <c>NativeLink.Actors.Cas</c>. Sizes are in bytes.</summary>
public static class CasMetrics
{
    /// <summary>The meter's name, for who listens to it or exports it.</summary>
    public const string MeterName = "NativeLink.Actors.Cas";

    private static readonly Meter Meter = new(MeterName);

    private static readonly Counter<long> DownloadedBytes = Meter.CreateCounter<long>(
        "nativelink.worker.download", "By", "Bytes of blobs fetched from a remote CAS, before compression.");

    private static readonly Counter<long> UploadedBytes = Meter.CreateCounter<long>(
        "nativelink.worker.upload", "By", "Bytes of blobs sent to a remote CAS, before compression.");

    internal static void RecordDownload(long bytes) => DownloadedBytes.Add(bytes);

    internal static void RecordUpload(long bytes) => UploadedBytes.Add(bytes);
}
