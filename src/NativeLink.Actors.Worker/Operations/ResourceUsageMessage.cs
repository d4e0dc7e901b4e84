using NativeLink.Actors.Worker.Processes;

namespace NativeLink.Actors.Worker.Operations;

/// <summary>
/// What an action took, as NativeLink words it (protos/README.md
/// 3.7): in answers, and remembered with results.
/// </summary>
internal static class ResourceUsageMessage
{
    public static Wire.ActionResourceUsage ToWire(ResourceUsage usage, OperationId operation, WorkerId worker) => new()
    {
        OperationId = operation.Value,
        WorkerId = worker.Value,
        Sampled = true,
        PeakMemoryKb = (ulong)Math.Max(0, usage.PeakMemoryKiB),
        CpuTimeMs = (ulong)Math.Max(0, Math.Ceiling(usage.CpuTime.TotalMilliseconds)),
    };
}
