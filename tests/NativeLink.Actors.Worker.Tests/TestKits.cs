using Akka.Configuration;
using NativeLink.Actors.Worker.Telemetry;

namespace NativeLink.Actors.Worker.Tests;

/// <summary>How actor systems of tests are configured: as the worker's own, and patient.</summary>
internal static class TestKits
{
    /// <summary>
    /// A slow, loaded machine needs seconds for what takes
    /// milliseconds elsewhere: what is waited for has half a minute.
    /// </summary>
    public const string Patience =
        "akka.test { single-expect-default = 30s, default-timeout = 30s, filter-leeway = 30s }\n";

    /// <summary>
    /// How long is listened for what must not come: its absence has no event, so this is real time. On a slow machine a
    /// fault may come later than that and be overlooked, but none is ever found that is not there.
    /// </summary>
    public static readonly TimeSpan Shortly = TimeSpan.FromMilliseconds(100);

    public static Config Real { get; } =
        ConfigurationFactory.ParseString(Patience).WithFallback(WorkerHocon.Reference());

    /// <summary>
    /// On a clock that only the test moves, and with executors that do what they hear before whoever told them goes on:
    /// no clock can be moved between what they ask for and the deadline that they set for it.
    /// </summary>
    public static Config Stepped => ConfigurationFactory
        .ParseString(
            """nativelink.dispatchers.steps.type = "Akka.TestKit.CallingThreadDispatcherConfigurator, Akka.TestKit" """)
        .WithFallback(Clocked);

    /// <summary>On a clock that only the test moves.</summary>
    public static Config Clocked { get; } = ConfigurationFactory
        .ParseString("""akka.scheduler.implementation = "Akka.TestKit.TestScheduler, Akka.TestKit" """)
        .WithFallback(Real);
}
