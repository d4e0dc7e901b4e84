using Akka.Event;
using NativeLink.Actors.Worker.Operations;
using NativeLink.Actors.Worker.Supervision;
using NativeLink.Actors.Worker.Telemetry;

namespace NativeLink.Actors.Worker.Connection;

/// <content>
/// Operations beyond the bound of those that wait: refused, each once, but only after a pause that grows, since the
/// scheduler sends at once again what was refused (protos/README.md 3.7). Until then only their names are kept.
/// </content>
internal sealed partial class SchedulerConnection
{
    private const int MostRefusedAtOnce = 1024;

    private static readonly TimeSpan RefusePause = TimeSpan.FromMilliseconds(50);

    private readonly Dictionary<OperationId, string> _tooMany = [];
    private readonly GrowingDelay _overflow;
    private Queue<OperationId> _round = [];
    private string _lastInstance = "";

    private Fault TooManyFault => new(FaultKind.Worker, $"{_settings.MostWaiting} operations wait here already")
    {
        Code = Grpc.Core.StatusCode.ResourceExhausted,
    };

    /// <summary>Whether it is one too many, and will be refused; also if it is one already.</summary>
    private bool IsTooMany(ActionAssignment assignment)
    {
        if (_tooMany.ContainsKey(assignment.Id))
            return true;
        // Also those that wait for what an orphan comes to.
        if (_operations.Count - _operations.Running < _settings.MostWaiting
            || _operations.Find(assignment.Id) is not null)
            return false;
        // Thousands have the same one.
        if (_lastInstance != assignment.InstanceName)
            _lastInstance = assignment.InstanceName;
        _tooMany.Add(assignment.Id, _lastInstance);
        if (_tooMany.Count == 1 && _round.Count == 0)
            Timers.StartSingleTimer(TimerKeys.Refuse, RefuseNow.Instance, _overflow.Next());
        return true;
    }

    private void RefuseTooMany(Fault fault)
    {
        if (_tooMany.Count == 0)
            return;
        _log.Warning("{Count} operations refused: {Reason}", _tooMany.Count, fault.Detail);
        foreach (var (operation, instance) in _tooMany)
            RefuseOne(operation, instance, fault);
        ForgetTooMany();
    }

    /// <summary>
    /// Those that are there now, in slices: answers wait in memory until the stream has taken them. What comes
    /// meanwhile waits for the next pause.
    /// </summary>
    private void RefuseSome()
    {
        if (_round.Count == 0 && _tooMany.Count > 0)
        {
            _log.Warning("{Count} operations refused: {Reason}", _tooMany.Count, TooManyFault.Detail);
            _round = new Queue<OperationId>(_tooMany.Keys);
        }
        for (var i = 0; i < MostRefusedAtOnce && _round.TryDequeue(out var operation); i++)
            if (_tooMany.Remove(operation, out var instance))
                RefuseOne(operation, instance, TooManyFault);
        if (_round.Count > 0)
            Timers.StartSingleTimer(TimerKeys.Refuse, RefuseNow.Instance, RefusePause);
        else if (_tooMany.Count > 0)
            Timers.StartSingleTimer(TimerKeys.Refuse, RefuseNow.Instance, _overflow.Next());
        else
            ForgetTooMany();
    }

    private void RefuseOne(OperationId operation, string instance, Fault fault)
    {
        WorkerMetrics.RecordAction(ResultKind.Refused.Label(), TimeSpan.Zero);
        Tell(ExecuteResultBuilder.Refuse(operation, instance, fault));
    }

    /// <summary>A kill of one of them: any answer acknowledges it.</summary>
    private bool KillTooMany(OperationId operation)
    {
        if (!_tooMany.Remove(operation, out var instance))
            return false;
        Refuse(operation, instance, TooManyFault);
        return true;
    }

    private void ForgetTooMany()
    {
        Timers.Cancel(TimerKeys.Refuse);
        _round = [];
        _tooMany.Clear();
        // What thousands have needed once is not kept.
        _tooMany.TrimExcess();
    }

    private sealed record RefuseNow
    {
        public static readonly RefuseNow Instance = new();
    }
}
