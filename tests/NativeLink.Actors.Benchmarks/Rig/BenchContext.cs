using System.Diagnostics;

namespace NativeLink.Actors.Benchmarks.Rig;

/// <summary>What the measurements of one run share: the published program and a directory that goes away.</summary>
internal sealed class BenchContext : IDisposable
{
    private int _directories;

    private BenchContext(string binary, string root, string repository) => (Binary, Root, Repository) = (binary, root, repository);

    /// <summary>The published program.</summary>
    public string Binary { get; }

    public string Root { get; }

    public string Repository { get; }

    public static async Task<BenchContext> CreateAsync(string? binary)
    {
        var root = Directory.CreateTempSubdirectory("nativelink-actors-bench-").FullName;
        var repository = FindRepository();
        if (binary is null)
        {
            var output = Path.Combine(root, "bin");
            var (code, log) = await RunAsync("dotnet", ["publish", Path.Combine(repository, "src/NativeLink.Actors.Cli"), "-c", "Release", "-o", output, "-v", "q", "--nologo"], TimeSpan.FromMinutes(10));
            if (code != 0)
                throw new InvalidOperationException($"dotnet publish failed:\n{log}");
            binary = Path.Combine(output, "nativelink-actors");
        }
        return new BenchContext(Path.GetFullPath(binary), root, repository);
    }

    /// <summary>A new directory below <see cref="Root"/>.</summary>
    public string NewDirectory(string name) => Directory.CreateDirectory(Path.Combine(Root, $"{++_directories:00}-{name}")).FullName;

    /// <summary>Runs a program to its end; its stdout and stderr as one text.</summary>
    public static async Task<(int Code, string Output)> RunAsync(
        string program, IEnumerable<string> arguments, TimeSpan limit, IReadOnlyDictionary<string, string>? environment = null)
    {
        using var process = Start(program, arguments, environment);
        using var ending = new CancellationTokenSource(limit);
        var texts = Task.WhenAll(process.StandardOutput.ReadToEndAsync(ending.Token), process.StandardError.ReadToEndAsync(ending.Token));
        try
        {
            await process.WaitForExitAsync(ending.Token);
            return (process.ExitCode, string.Concat(await texts));
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            return (-1, $"{program} did not end within {limit}");
        }
    }

    public static Process Start(string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        var process = Process.Start(start)!;
        process.StandardInput.Close();
        return process;
    }

    private static string FindRepository()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
            if (File.Exists(Path.Combine(directory.FullName, "NativeLink.Actors.sln")))
                return directory.FullName;
        throw new InvalidOperationException($"NativeLink.Actors.sln is in no directory above {AppContext.BaseDirectory}");
    }

    public void Dispose()
    {
        try
        {
            Directory.Delete(Root, recursive: true);
        }
        catch (IOException error)
        {
            Console.Error.WriteLine($"could not remove {Root}: {error.Message}");
        }
    }
}
