using System.Diagnostics;
using System.Globalization;
using NativeLink.Actors.Protocol;

namespace NativeLink.Actors.Benchmarks.Crash;

/// <summary>One round: load, kill, perhaps another kill while it recovers, restart, checks.</summary>
internal sealed class CrashRound(ISubject subject, int seed)
{
    private const int LongestAfterAnswerMilliseconds = 1_200;
    private const int LongestWhileUploadingMilliseconds = 600;
    private const int LongestRecoveryMilliseconds = 600;

    private readonly Random _random = new(seed);
    private readonly long _began = Stopwatch.GetTimestamp();
    private readonly string _mark = string.Create(
        CultureInfo.InvariantCulture, $"{Environment.ProcessId}-{subject.Name}-{seed}");
    private string _phase = "";
    private string _kills = "";
    private int _blobs;

    /// <summary>Every blob that a client has sent or been told of.</summary>
    public IReadOnlyCollection<Digest> Seen { get; private set; } = [];

    /// <param name="before">What clients of the last round knew.</param>
    public async Task RunAsync(IReadOnlyCollection<Digest> before)
    {
        var build = new CrashBuild(_mark);
        await LoadAndKillAsync(build);
        if (_random.Next(4) == 0)
            await KillWhileItRecoversAsync();
        _phase = "restart";
        await subject.StartAsync();
        _phase = "checks";
        CrashChecks.NoMountIsLeft(subject.Data);
        await CrashChecks.NoProcessIsLeftAsync(_mark, subject.Data, subject.Process.Id);
        _blobs = StoreChecks.BlobsMatchTheirNames(subject.Content);
        await subject.IndexEqualsDiskAsync([.. before.Union(build.Seen)]);
        _phase = "build";
        await build.RunAsync(subject);
        (_phase, Seen) = ("", build.Seen);
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{subject.Name}, seed {seed}: {_kills}; {_blobs} blobs; " +
        $"{Stopwatch.GetElapsedTime(_began).TotalSeconds:0.0} s{(_phase.Length > 0 ? $"; in its {_phase}" : "")}");

    private async Task LoadAndKillAsync(CrashBuild build)
    {
        _phase = "load";
        using var killed = new CancellationTokenSource();
        var answered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var uploading = _random.Next(4) == 0;
        var after = TimeSpan.FromMilliseconds(
            _random.Next(uploading ? LongestWhileUploadingMilliseconds : LongestAfterAnswerMilliseconds));
        _kills = string.Create(CultureInfo.InvariantCulture,
            $"killed {after.TotalMilliseconds:0} ms after {(uploading ? "the load's begin" : "the first answer")}");
        var load = build.LoadAsync(subject, new Random(_random.Next()), answered, killed.Token);
        if (!uploading && await Task.WhenAny(answered.Task, load) == load)
            await load;
        await Task.Delay(after);
        await killed.CancelAsync();
        subject.Process.Kill();
        await load;
        await subject.Process.DisposeAsync();
    }

    private async Task KillWhileItRecoversAsync()
    {
        _phase = "recovery";
        var after = TimeSpan.FromMilliseconds(_random.Next(LongestRecoveryMilliseconds));
        _kills += string.Create(CultureInfo.InvariantCulture,
            $", and {after.TotalMilliseconds:0} ms after its restart");
        await subject.StartAndKillAsync(after);
    }
}
