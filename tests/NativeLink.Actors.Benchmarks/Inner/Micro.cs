using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;

namespace NativeLink.Actors.Benchmarks.Inner;

/// <summary>The command <c>micro</c>: the inner pieces by BenchmarkDotNet, with what they allocate.</summary>
internal static class Micro
{
    /// <summary>The switch with which each is run once, untimed: whether it still works.</summary>
    public const string Once = "--once";

    private const string Out = "--out";

    /// <param name="words">Globs of names, such as <c>*Hashing*</c>
    /// (all, when there is none), and the switches.</param>
    /// <returns>0 when all that were found could be measured.</returns>
    public static int Run(string[] words)
    {
        var artifacts = Directory.CreateTempSubdirectory("nativelink-actors-micro-").FullName;
        try
        {
            var at = Array.IndexOf(words, Out);
            var directory = at >= 0 && at + 1 < words.Length ? words[at + 1] : null;
            var filters = words.Where((word, i) => word != Once && (at < 0 || (i != at && i != at + 1)))
                .DefaultIfEmpty("*").ToArray();
            // In this process: the generated project of the other toolchains would be built by this
            // repository's strict settings.
            var config = DefaultConfig.Instance
                .AddJob((words.Contains(Once) ? Job.Dry : Job.ShortRun).WithToolchain(InProcessEmitToolchain.Instance))
                .AddDiagnoser(MemoryDiagnoser.Default)
                .WithArtifactsPath(artifacts);
            var summaries = BenchmarkSwitcher.FromAssembly(typeof(Micro).Assembly).Run(["--filter", .. filters], config)
                .ToList();
            if (directory is not null)
                MicroReport.Write(Path.Combine(directory, "micro.md"), summaries.ToDictionary(
                    static summary => summary.BenchmarksCases[0].Descriptor.Type.Name, MicroReport.TableOf));
            return summaries.Count > 0 && summaries.All(static summary => !summary.HasCriticalValidationErrors
                && summary.Reports.All(static report => report.Success)) ? 0 : 1;
        }
        finally
        {
            Directory.Delete(artifacts, recursive: true);
        }
    }
}
