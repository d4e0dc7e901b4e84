using Microsoft.Extensions.Logging.Abstractions;
using NativeLink.Actors.Worker.Processes;
using NativeLink.Actors.Worker.Processes.Containment;
using NativeLink.Actors.Worker.Processes.Output;

namespace NativeLink.Actors.Worker.Tests.Processes;

/// <summary>The reaper with trees that tell what was done to them.</summary>
public sealed class ProcessReaperTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Workbench _bench = new();
    private readonly OutputDrain _drain = new(NullLogger.Instance);
    private readonly List<SpawnCall> _calls = [];
    private readonly ProcessReaper _reaper;

    public ProcessReaperTests() => _reaper = new ProcessReaper(
        new NoContainment(), TimeProvider.System, NullLogger.Instance, TimeSpan.FromMilliseconds(200), _drain);

    public void Dispose()
    {
        _reaper.Dispose();
        _drain.Dispose();
        _calls.ForEach(static call => call.Dispose());
        _bench.Dispose();
    }

    [Fact]
    public async Task An_abort_after_the_tree_was_given_back_neither_ends_it_nor_gives_it_back_again()
    {
        using var go = new ManualResetEventSlim();
        HoldDrain(go);
        var (tree, last) = (new ToldTree(), new ToldTree());
        var process = Spawn(tree);
        Assert.Equal(0, Libc.WriteText(process.Output.ForChild.Stdout, "said"u8));
        try
        {
            _reaper.Add(process, CancellationToken.None);
            await Eventually.HoldsAsync(() => tree.Closed == 1, "the tree is given back");
            Assert.False(process.Completion.Task.IsCompleted, "the drain is held, so there is no answer yet");

            _reaper.PostAbort(process);
            _reaper.Add(Spawn(last), CancellationToken.None);
            await Eventually.HoldsAsync(() => last.Closed == 1, "the reaper has been round");
        }
        finally
        {
            go.Set();
        }

        var report = await process.Completion.Task.WaitAsync(Patience);
        Assert.Equal((0, false), (report.ExitCode, report.Aborted));
        Assert.Equal((1, 0), (tree.Closed, tree.KilledAfterwards));
    }

    [Fact]
    public async Task What_was_given_up_and_ends_later_closes_nothing_a_second_time()
    {
        var tree = new ToldTree { Empty = false };
        var process = Spawn(tree);
        _reaper.Add(process, CancellationToken.None);
        var error = await Assert.ThrowsAsync<FaultException>(() => process.Completion.Task.WaitAsync(Patience));
        Assert.Contains("still there", error.Fault.Detail, StringComparison.Ordinal);
        await Eventually.HoldsAsync(() => process.Output.ReadEnds == (-1, -1), "its output is ended");

        // These have, as a rule, the numbers that its descriptors had.
        var others = Enumerable.Range(0, 3).Select(_ => ActionOutput.Open(Spool(), Spool())).ToList();
        tree.Empty = true;
        await Eventually.HoldsAsync(() => tree.Closed == 1, "the tree is given back");
        Assert.All(
            others, other => Assert.Equal(
                (0, 0), (Libc.WriteText(other.ForChild.Stdout, "x"u8), Libc.WriteText(other.ForChild.Stderr, "x"u8))));
        others.ForEach(_drain.Discard);
    }

    [Fact]
    public void What_is_finished_twice_is_closed_once()
    {
        var output = ActionOutput.Open(Spool(), Spool());
        var times = 0;
        Assert.True(output.TryFinish(_ => times++, out var fault));
        Assert.True(output.TryFinish(_ => times++, out var again));
        Assert.Equal((1, null, null), (times, fault, again));
    }

    [Fact]
    public async Task A_tree_that_cannot_be_given_back_is_told_and_its_output_ended()
    {
        var process = Spawn(new ToldTree { CannotClose = true });
        _reaper.Add(process, CancellationToken.None);
        var error = await Assert.ThrowsAsync<FaultException>(() => process.Completion.Task.WaitAsync(Patience));
        Assert.Contains("could not be followed", error.Fault.Detail, StringComparison.Ordinal);
        Assert.Equal((-1, -1), process.Output.ReadEnds);
    }

    private string Spool() => Path.Combine(_bench.Directory, Guid.NewGuid().ToString("N"));

    private RunningProcess Spawn(IProcessTree tree)
    {
        var call = new SpawnCall();
        _calls.Add(call);
        call.Prepare(_bench.Plan("/bin/true"), "/bin/true", new SpawnStreams(-1, -1));
        Assert.True(call.Spawn());
        var completion = new TaskCompletionSource<ProcessReport>(TaskCreationOptions.RunContinuationsAsynchronously);
        return new RunningProcess(call.Pid, call.PidFd, tree, TimeProvider.System.GetUtcNow(), completion)
        {
            Output = ActionOutput.Open(Spool(), Spool()),
        };
    }

    /// <summary>The emptying thread calls one whose stream cannot be kept, which holds it up.</summary>
    private void HoldDrain(ManualResetEventSlim go)
    {
        using var held = new ManualResetEventSlim();
        var output = ActionOutput.Open(Path.Combine(_bench.Directory, new string('x', 300)), "");
        output.Failed = () =>
        {
            held.Set();
            go.Wait(Patience);
        };
        Assert.True(_drain.TryWatch(output));
        Assert.Equal(0, Libc.WriteText(output.ForChild.Stdout, "x"u8));
        Assert.True(held.Wait(Patience));
    }

    private sealed class NoContainment : IContainment
    {
        public string Description => "none";

        public ILaneContainment ForLane() => throw new NotSupportedException();

        public void Dispose()
        {
        }
    }

    private sealed class ToldTree : IProcessTree
    {
        private volatile bool _empty = true;
        private int _closed;
        private int _killedAfterwards;

        internal bool Empty
        {
            get => _empty;
            set => _empty = value;
        }

        internal bool CannotClose { get; init; }

        internal int Closed => Volatile.Read(ref _closed);

        internal int KilledAfterwards => Volatile.Read(ref _killedAfterwards);

        public void Kill()
        {
            if (Closed > 0) Interlocked.Increment(ref _killedAfterwards);
        }

        public bool IsEmpty() => _empty;

        public long ResidentKiB() => 0;

        public TreeUsage Close()
        {
            Interlocked.Increment(ref _closed);
            return CannotClose ? throw new InvalidOperationException("it cannot be given back") : default;
        }
    }
}
