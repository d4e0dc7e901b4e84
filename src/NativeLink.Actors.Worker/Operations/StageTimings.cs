using System.Globalization;

namespace NativeLink.Actors.Worker.Operations;

/// <summary>How long each stage of an action took.</summary>
internal sealed class StageTimings
{
    private readonly List<(string Stage, TimeSpan Took)> _stages = [];
    private string? _current;

    /// <summary>When the stage that is running now began.</summary>
    public DateTimeOffset Since { get; private set; }

    public IReadOnlyList<(string Stage, TimeSpan Took)> Stages => _stages;

    public void Enter(string stage, DateTimeOffset now)
    {
        Leave(now);
        (_current, Since) = (stage, now);
    }

    public void Leave(DateTimeOffset now)
    {
        if (_current is not null)
            _stages.Add((_current, now - Since));
        _current = null;
    }

    /// <summary>One word a stage, in milliseconds: <c>loading=3ms staging=12ms running=840ms</c>.</summary>
    public override string ToString() => string.Join(' ', _stages.Select(stage =>
        string.Create(CultureInfo.InvariantCulture, $"{stage.Stage}={stage.Took.TotalMilliseconds:0}ms")));
}
