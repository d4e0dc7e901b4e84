using Akka.Configuration;

namespace NativeLink.Actors.Worker.Telemetry;

/// <summary>The Akka configuration that comes with this assembly.</summary>
internal static class WorkerHocon
{
    /// <summary>
    /// The dispatcher of all that carries out the steps
    /// of actions; its threads may block on the disk.
    /// </summary>
    public const string StepsDispatcher = "nativelink.dispatchers.steps";

    /// <summary>The dispatcher of the graphs of large downloads, which write to the disk.</summary>
    public const string LargeDownloadsDispatcher = "nativelink.dispatchers.large-downloads";

    /// <summary>Dispatchers that the actors name; every actor system that hosts workers needs them.</summary>
    public static Config Reference() => Read("hocon/reference.conf");

    /// <summary>An actor system of the workers' own.</summary>
    public static Config Host() => Read("hocon/worker.conf").WithFallback(Reference());

    private static Config Read(string name)
    {
        using var stream = typeof(WorkerHocon).Assembly.GetManifestResourceStream(name)
            ?? throw new InvalidOperationException($"the assembly has no resource '{name}'");
        using var reader = new StreamReader(stream);
        return ConfigurationFactory.ParseString(reader.ReadToEnd());
    }
}
