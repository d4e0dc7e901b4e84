using System.Diagnostics;
using System.Globalization;
using NativeLink.Actors.Benchmarks.Rig;

namespace NativeLink.Actors.Benchmarks.Flood;

/// <summary>
/// A worker whose eight actions at once write large outputs, which it hashes and uploads to the CAS of another process
/// on the same processors.
/// </summary>
internal static class UploadLoad
{
    private const int Inflight = 8;
    private const int OutputMegabytes = 64;
    private const string StoreBytes = "2gb";

    public static async Task<(bool Holds, string Line)> MeasureAsync(BenchContext context, TimeSpan time)
    {
        var data = context.NewDirectory("uploads");
        var file = LocalFile.Write(Path.Combine(data, "local.json5"), data, $"max_bytes: \"{StoreBytes}\"");
        await using var cas = ServerProcess.LaunchLocal(context, data, file, "--workers", "0");
        await cas.ReadyAsync();
        await using var worker = await CasWorker.StartAsync(
            context, context.NewDirectory("uploader"), cas.Client, maxBytes: StoreBytes);
        using var client = new LoadClient(cas.Client);
        await worker.WarmUpAsync(client);

        var gaps = KeepAliveGaps.Watch(worker.Session);
        var (began, number) = (Stopwatch.GetTimestamp(), 0);
        await Task.WhenAll(Enumerable.Range(0, Inflight).Select(async _ =>
        {
            using var own = new LoadClient(cas.Client);
            while (Stopwatch.GetElapsedTime(began) < time)
            {
                var salt = Interlocked.Increment(ref number).ToString(CultureInfo.InvariantCulture);
                var action = own.Blobs.Add(["/bin/sh", "-c",
                    $"yes {salt} | head -c {OutputMegabytes}M >out"], outputs: ["out"], salt: salt);
                await own.UploadAsync();
                await worker.RunAsync(action);
            }
        }));
        var (took, (holds, line)) = (Stopwatch.GetElapsedTime(began), gaps.Judge());
        return (holds, string.Create(CultureInfo.InvariantCulture,
            $"{line}; {Inflight} actions at once, {number} outputs of {OutputMegabytes} MiB in " +
            $"{took.TotalSeconds:0} s, {Environment.ProcessorCount} processors"));
    }
}
