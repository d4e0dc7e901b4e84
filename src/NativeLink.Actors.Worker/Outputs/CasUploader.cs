using System.Collections.Immutable;
using Akka.Actor;
using Akka.Event;
using Google.Protobuf;
using Grpc.Core;
using NativeLink.Actors.Cas;
using NativeLink.Actors.Protocol.Hashing;
using NativeLink.Actors.Storage.Filesystem;
using NativeLink.Actors.Worker.Stores;
using NativeLink.Actors.Worker.Telemetry;
using NativeLink.Actors.Worker.Transfers;
using static NativeLink.Actors.Worker.Outputs.SendProtocol;
using static NativeLink.Actors.Worker.Outputs.UploadProtocol;

namespace NativeLink.Actors.Worker.Outputs;

/// <summary>Where an uploader writes to.</summary>
/// <param name="Cas">Outputs, stdout and stderr.</param>
/// <param name="LocalStore">Where outputs are kept as well; null when writes do not fill the local
/// store. With a <see cref="StoreCasClient"/>: its store.</param>
/// <param name="Files">Where outputs are found.</param>
/// <param name="ActionCache">Null: no entries are written.</param>
/// <param name="Historical">Null: the CAS.</param>
internal sealed record UploadTargets(
    ICasClient Cas, ILocalStore? LocalStore, IOutputFiles Files, IActionCacheClient? ActionCache,
    ICasClient? Historical);

/// <summary>
/// Brings what actions made to the CAS and the action cache. Owns which digests are brought, by
/// whom, what the CAS was known to have a moment ago, and a fixed number of calls: what it lacks is
/// asked once for all, small blobs travel in batches filled across actions, large ones in streams.
/// Shared by all executors, supervised by the pool; hears Upload, Publish and CancelUpload, and
/// gives each request exactly one answer, also when it is restarted. Outputs are found and hashed
/// by a child for each action, which brings them here (<see cref="SendProtocol"/>).
/// </summary>
internal sealed class CasUploader : TransferActor
{
    private const int Calls = 8;
    private const int Streams = 16;

    /// <summary>How often everything is asked again because the CAS was away.</summary>
    private const int MostRounds = 4;

    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(50);

    private readonly Dictionary<object, BlobSending> _sendings = [];
    private readonly HashSet<object> _calls = [];
    private readonly HashSet<object> _streams = [];
    private readonly UploadTargets _targets;
    private readonly UploadQueue _queue;
    private readonly BlobSender _sender;
    private readonly Func<Upload, Func<CancellationToken, Task<object>>, CancellationToken, Props> _collecting;

    /// <summary>Use <see cref="CreateProps(UploadTargets, TimeProvider)"/>; Akka itself calls this.</summary>
    internal CasUploader(
        UploadTargets targets, TimeProvider time, RestartPause restarts,
        Func<Upload, Func<CancellationToken, Task<object>>, CancellationToken, Props>? collecting)
        : base("uploader", restarts)
    {
        _targets = targets;
        _queue = new UploadQueue(targets.Cas, new ExistenceCache(time));
        _sender = new BlobSender(targets.Cas, targets.Files, Lifetime);
        _collecting = collecting ?? ((_, work, stop) => TransferWork.CreateProps(work, stop));
    }

    /// <summary>Clients and store stay their owner's; they outlive a restart of the actor.</summary>
    public static Props CreateProps(UploadTargets targets, TimeProvider time) => CreateProps(targets, time, null);

    /// <param name="collecting">Makes the child that collects the outputs of one action; null: the usual one.</param>
    internal static Props CreateProps(
        UploadTargets targets, TimeProvider time,
        Func<Upload, Func<CancellationToken, Task<object>>, CancellationToken, Props>? collecting)
    {
        var restarts = new RestartPause(time);
        return Props.CreateBy(new Maker<CasUploader>(() => new CasUploader(targets, time, restarts, collecting)))
            .WithDispatcher(WorkerHocon.StepsDispatcher);
    }

    private protected override void BreakPromises(Fault fault)
    {
        foreach (var sending in _sendings.Values)
            sending.Break(fault);
    }

    private protected override object Failed(AttemptId id, Fault fault) => new UploadFailed(id, fault);

    private protected override void Ready()
    {
        Receive<Upload>(OnUpload);
        Receive<Publish>(OnPublish);
        Receive<CancelUpload>(request => Cancel(request.Id));
        Receive<SendBlobs>(OnSendBlobs);
        Receive<GiveUp>(OnGiveUp);
        Receive<Asked>(OnAsked);
        Receive<BatchSent>(OnBatchSent);
        Receive<StreamSent>(OnStreamSent);
        Receive<NextRound>(OnNextRound);
    }

    // --- outputs ---

    private void OnUpload(Upload request)
    {
        var (self, log) = (Self, Log.Of(request.Id));
        var collector = new OutputCollector(_targets, SendAsync, Disk, text => log.Warning("{Note}", text));
        HoldByChild(
            request.Id,
            stop => _collecting(request, async cancelled => new Uploaded(
                request.Id, await collector.CollectAsync(request.Plan, cancelled)), stop));

        Task SendAsync(IReadOnlyCollection<OutputBlob> blobs, CancellationToken cancellation)
        {
            var answer = new Promise<bool>();
            self.Tell(new SendBlobs(blobs, answer));
            return answer.WaitAsync(() => self.Tell(new GiveUp(answer)), cancellation);
        }
    }

    private void OnSendBlobs(SendBlobs request)
    {
        var sending = new BlobSending(request);
        _sendings.Add(sending.Promise, sending);
        Begin(sending);
    }

    private void OnNextRound(NextRound next)
    {
        // Given up meanwhile, or of before a restart.
        if (_sendings.GetValueOrDefault(next.Sending.Promise) == next.Sending)
            Begin(next.Sending);
    }

    private void Begin(BlobSending sending)
    {
        _queue.Begin(sending);
        EndIfOver(sending);
        StartCalls();
    }

    private void OnGiveUp(GiveUp request)
    {
        if (!_sendings.Remove(request.Promise, out var sending))
            return;
        Timers.Cancel(sending);
        _queue.Leave(sending);
    }

    private void EndIfOver(BlobSending sending)
    {
        if (!sending.IsOver || !_sendings.ContainsKey(sending.Promise))
            return;
        // A service that is away again and again never has a round without: in the end its own word counts.
        var isDurable = sending.IsDurable(_targets.Cas.Absences) || (sending.Round == MostRounds && sending.IsAllAsked);
        if (sending.Fault is null && !isDurable && sending.Round < MostRounds)
        {
            // It needs a moment to come back; without one, all rounds may fall into the same absence.
            Timers.StartSingleTimer(sending, new NextRound(sending), FirstPause * (1 << sending.Round));
            return;
        }
        _sendings.Remove(sending.Promise);
        if (sending.Fault is { } fault)
        {
            // What else it brings is not waited for.
            _queue.Leave(sending);
            sending.Break(fault);
        }
        else if (!isDurable)
            sending.Break(
                new Fault(FaultKind.Storage, $"the CAS went away {MostRounds} times while the outputs were uploaded")
                {
                    Code = StatusCode.Unavailable,
                });
        else
            sending.Keep();
    }

    // --- calls ---

    private void StartCalls()
    {
        if (_calls.Count < Calls && _queue.TakeUnasked() is { Count: > 0 } unasked)
        {
            _calls.Add(unasked);
            Start(() => AskAsync(unasked), answer => answer);
        }
        while (_calls.Count < Calls && _queue.TakeBatch() is { Count: > 0 } batch)
        {
            _calls.Add(batch);
            Start(() => _sender.SendBatchAsync(batch), sent => new BatchSent(batch, sent));
        }
        while (_streams.Count < Streams && _queue.TakeLarge() is { } large)
        {
            _streams.Add(large.Upload);
            var stop = large.Upload.Stop = CancellationTokenSource.CreateLinkedTokenSource(Lifetime);
            Start(() => _sender.SendLargeAsync(large.Upload, large.Blob, stop.Token),
                sent => new StreamSent(stop, sent));
        }
    }

    private async Task<Asked> AskAsync(IReadOnlyList<PendingUpload> uploads)
    {
        try
        {
            return new Asked(uploads, await _targets.Cas.FindMissingAsync(
                [.. uploads.Select(static upload => upload.Digest)], Lifetime), null);
        }
        catch (Exception error)
        {
            return new Asked(uploads, [], Fault.From(error, FaultKind.Storage));
        }
    }

    private void OnAsked(Asked asked)
    {
        if (!_calls.Remove(asked.Uploads))
            return;
        var missing = asked.Missing.ToHashSet();
        foreach (var upload in asked.Uploads)
        {
            if (asked.Fault is null && missing.Contains(upload.Digest))
                _queue.Enqueue(upload);
            else
                Settle(upload, asked.Fault, wasThere: true);
        }
        StartCalls();
    }

    private void OnBatchSent(BatchSent sent)
    {
        if (!_calls.Remove(sent.Batch))
            return;
        foreach (var (upload, fault) in sent.Blobs)
            Settle(upload, fault, wasThere: false);
        StartCalls();
    }

    private void OnStreamSent(StreamSent sent)
    {
        sent.Stop.Dispose();
        if (!_streams.Remove(sent.Blob.Upload))
            return;
        Settle(sent.Blob.Upload, sent.Blob.Fault, wasThere: false);
        StartCalls();
    }

    private void Settle(PendingUpload upload, Fault? fault, bool wasThere)
    {
        foreach (var sending in _queue.Settle(upload, fault, wasThere))
            EndIfOver(sending);
    }

    // --- results ---

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
            if (cas.IsSmall(digest))
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

    /// <param name="Uploads">Which call it is.</param>
    private sealed record Asked(IReadOnlyList<PendingUpload> Uploads, ImmutableArray<Digest> Missing, Fault? Fault);

    /// <param name="Batch">Which call it is.</param>
    private sealed record BatchSent(object Batch, IReadOnlyList<SentBlob> Blobs);

    private sealed record StreamSent(CancellationTokenSource Stop, SentBlob Blob);

    private sealed record NextRound(BlobSending Sending);
}
