using System.Collections.Concurrent;
using NativeLink.Actors.Worker;
using NativeLink.Actors.Worker.Connection;
using NativeLink.Actors.Worker.Inputs;
using NativeLink.Actors.Worker.Operations;
using NativeLink.Actors.Worker.Outputs;
using NativeLink.Actors.Worker.Processes;
using NativeLink.Actors.Worker.Transfers;
using Xunit.Abstractions;

namespace NativeLink.Actors.Simulation.Supervision;

/// <summary>
/// Every actor of the worker fails, in each of its states, on each kind of message that it handles there, in its place
/// and after it; and whatever fails, what the checkers look at holds, and further actions succeed.
/// </summary>
public sealed class SupervisionTests(ITestOutputHelper output)
{
    private static readonly Lazy<IReadOnlyList<(Scenario Scenario, IReadOnlyDictionary<Handler, int> Heard)>> Heard =
        new(static () => [.. Scenario.All.AsParallel().AsOrdered().Select(Listen)]);

    private static readonly Type[] Failing =
    [
        typeof(WorkerPool), typeof(SchedulerConnection), typeof(SchedulerStream), typeof(KeepAlive),
        typeof(ActionExecutor), typeof(CasDownloader), typeof(CasUploader), typeof(TransferWork), typeof(ProcessRunner),
    ];

    [Fact]
    public void Every_actor_of_the_worker_is_made_to_fail() => Assert.Equal(
        typeof(WorkerPool).Assembly.GetTypes()
            .Where(static type => type.IsAssignableTo(typeof(Akka.Actor.ActorBase)) && !type.IsAbstract)
            .Select(static type => type.Name).Except(["AkkaLogForwarder"]).Order(),
        Failing.Select(static actor => actor.Name).Order());

    public static TheoryData<Type> Actors => [.. Failing];

    [Theory]
    [MemberData(nameof(Actors), DisableDiscoveryEnumeration = true)]
    public void An_actor_that_fails_in_any_state_on_any_message_costs_no_more_than_an_attempt(Type actor)
    {
        var handlers = Handler.AllOf(actor);
        Assert.NotEmpty(handlers);
        var cases = handlers.SelectMany(CasesOf).ToList();
        var wrong = new ConcurrentQueue<string>();
        Parallel.ForEach(cases, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, one =>
        {
            foreach (var what in Check(one.Scenario, one.Throw))
                wrong.Enqueue($"{one.Scenario.Name}: {one.Throw}: {what}");
        });
        output.WriteLine($"{handlers.Count} handlers, {cases.Count} failures, "
            + $"{cases.Count(static one => one.Throw.Forged)} of them on a message that is not sent there otherwise");
        Assert.True(wrong.IsEmpty, $"{wrong.Count} wrong:\n{string.Join('\n', wrong.Take(40).Order())}");
    }

    private static (Scenario, IReadOnlyDictionary<Handler, int>) Listen(Scenario scenario)
    {
        var run = scenario.Run([], out var thrower, out _);
        Assert.True(
            run.Sound, $"{scenario.Name}: {string.Join('\n', run.World.Violations.Concat(run.World.Trace.Strays))}");
        return (scenario, thrower.Heard);
    }

    /// <summary>
    /// In the first scenario in which it is heard in the place of the first one, in the last one
    /// after one midway. What is never heard in a state is put in where the actor is in that state.
    /// </summary>
    private static IEnumerable<(Scenario Scenario, Throw Throw)> CasesOf(Handler handler)
    {
        var heard = Heard.Value.Where(one => one.Heard.ContainsKey(handler)).ToList();
        if (heard.Count > 0)
        {
            foreach (var after in new[] { false, true })
            {
                yield return (heard[0].Scenario, new Throw(handler, 1, after, Forged: false));
                yield return (heard[^1].Scenario,
                    new Throw(handler, (heard[^1].Heard[handler] / 2) + 1, after, Forged: false));
            }
            yield break;
        }
        var there = Heard.Value.Where(one => one.Heard.Keys.Any(
            other => other.Actor == handler.Actor && other.State == handler.State)).ToList();
        Assert.True(there.Count > 0, $"no scenario brings {handler.Actor.Name} into the state {handler.State}");
        yield return (there[0].Scenario, new Throw(handler, 1, After: false, Forged: true));
    }

    private static IEnumerable<string> Check(Scenario scenario, Throw one)
    {
        var run = scenario.Run([one], out var thrower, out var askers);
        if (thrower.Left.Count > 0)
            yield return "did not come about";
        // Whether what was told last has been heard is known to nobody when who told it fails.
        foreach (var violation in run.World.Violations
            .Where(static violation => !violation.EndsWith(
                "has not finished all when it drained", StringComparison.Ordinal))
            .Take(3))
            yield return violation;
        foreach (var stray in run.World.Trace.Strays.Take(1))
            yield return stray;
        // Who is drained, ended or paused first may never be.
        if (scenario.Script is null && one.At.Message != typeof(ConnectionProtocol.Pause)
            && askers.Any(static asker => !asker.HeardRegistered))
            yield return "a pool's workers are not told to be registered";
        if (askers.Any(static asker => !asker.HeardStopped))
            yield return "a pool's end is not told";
    }
}
