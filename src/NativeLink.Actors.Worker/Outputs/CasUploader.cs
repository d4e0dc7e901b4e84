using Akka.Actor;
using Akka.Event;
using Google.Protobuf;
using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Storage.Hashing;
using NativeLink.Actors.Worker.Remote;
using NativeLink.Actors.Worker.Telemetry;
using static NativeLink.Actors.Worker.Outputs.UploadProtocol;

namespace NativeLink.Actors.Worker.Outputs;

/// <summary>Where an uploader writes to.</summary>
/// <param name="Cas">Outputs, stdout and stderr.</param>
/// <param name="LocalStore">Where outputs are kept as well; null when writes do not fill the local store. With a <see cref="StoreCasClient"/>: its store.</param>
/// <param name="ActionCache">Null: no entries are written.</param>
/// <param name="Historical">Null: the CAS.</param>
public sealed record UploadTargets(ICasClient Cas, ContentStore? LocalStore, IActionCacheClient? ActionCache, ICasClient? Historical);

/// <summary>
/// Brings what actions made to the CAS and the action cache. Shared by all executors, supervised by the host's services; hears Upload, Publish and
/// CancelUpload, and gives each request exactly one answer, also when it is restarted. The work is done by <see cref="OutputCollector"/>.
/// </summary>
public sealed class CasUploader : TransferActor
{
    private readonly UploadTargets _targets;
    private readonly BlobUpload _upload;

    public CasUploader(UploadTargets targets, TimeProvider time)
        : base("uploader")
    {
        _targets = targets;
        _upload = new BlobUpload(targets.Cas, new RecentBlobs(time), Disk);
        Receive<Upload>(OnUpload);
        Receive<Publish>(OnPublish);
        Receive<CancelUpload>(request => Cancel(request.Id));
    }

    /// <summary>Clients and store stay their owner's; they outlive a restart of the actor.</summary>
    public static Props CreateProps(UploadTargets targets, TimeProvider time) =>
        Props.Create(() => new CasUploader(targets, time)).WithDispatcher(WorkerHocon.StepsDispatcher);

    private protected override object Failed(AttemptId id, Fault fault) => new UploadFailed(id, fault);

    private void OnUpload(Upload request)
    {
        var log = Log.Of(request.Id);
        var collector = new OutputCollector(_targets.Cas, _targets.LocalStore, _upload, Disk, text => log.Warning("{Note}", text));
        Hold(request.Id, async stop => new Uploaded(request.Id, await collector.CollectAsync(request.Plan, stop)));
    }

    private void OnPublish(Publish request)
    {
        var log = Log.Of(request.Id);
        Hold(request.Id, async stop =>
        {
            var historical = KeepAsync(request.Plan, log, stop);
            var cached = CacheAsync(request.Plan, log, stop);
            await Task.WhenAll(historical, cached);
            return new Published(request.Id, await cached, await historical);
        });
    }

    private async Task<bool> CacheAsync(PublishPlan plan, ILoggingAdapter log, CancellationToken stop)
    {
        if (plan.ActionCache is null || _targets.ActionCache is null)
            return false;
        try
        {
            await _targets.ActionCache.UpdateAsync(plan.Action, plan.ActionCache, stop);
            return true;
        }
        catch (Exception error) when (error is not OperationCanceledException)
        {
            log.Warning("The action cache was not updated: {Reason}", error.Message);
            return false;
        }
    }

    private async Task<Digest?> KeepAsync(PublishPlan plan, ILoggingAdapter log, CancellationToken stop)
    {
        if (plan.Historical is null)
            return null;
        try
        {
            var cas = _targets.Historical ?? _targets.Cas;
            var bytes = plan.Historical.ToByteArray();
            var digest = BlobHasher.Compute(bytes, plan.Action.Function);
            if (bytes.Length <= CasLimits.SmallBlobBytes)
                await cas.WriteBatchAsync([(digest, bytes)], stop);
            else
                await cas.WriteAsync(digest, new BlobSource(bytes, null), stop);
            return digest;
        }
        catch (Exception error) when (error is not OperationCanceledException)
        {
            log.Warning("The historical record was not kept: {Reason}", error.Message);
            return null;
        }
    }
}
