using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;

namespace NativeLink.Actors.Benchmarks.Inner;

/// <summary>The command <c>micro</c>: the inner pieces by BenchmarkDotNet, with what they allocate.</summary>
internal static class Micro
{
    /// <param name="filters">Globs of names, such as <c>*Hashing*</c>; all, when there is none.</param>
    /// <returns>0 when something was measured.</returns>
    public static int Run(string[] filters)
    {
        var artifacts = Directory.CreateTempSubdirectory("nativelink-actors-micro-").FullName;
        try
        {
            // In this process: the generated project of the other toolchains would be built by this repository's strict settings.
            var config = DefaultConfig.Instance
                .AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance))
                .AddDiagnoser(MemoryDiagnoser.Default)
                .WithArtifactsPath(artifacts);
            string[] arguments = ["--filter", .. filters.Length == 0 ? ["*"] : filters];
            return BenchmarkSwitcher.FromAssembly(typeof(Micro).Assembly).Run(arguments, config).Any() ? 0 : 1;
        }
        finally
        {
            Directory.Delete(artifacts, recursive: true);
        }
    }
}
