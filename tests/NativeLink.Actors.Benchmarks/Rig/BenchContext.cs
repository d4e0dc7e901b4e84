using System.Diagnostics;

namespace NativeLink.Actors.Benchmarks.Rig;

/// <summary>
/// What the measurements of one run share: the published program,
/// file systems to measure on, and a directory that goes away.
/// </summary>
internal sealed class BenchContext : IDisposable
{
    private static readonly string[] VolumeNames = ["ext4", "tmpfs"];

    private readonly Dictionary<string, Volume> _volumes;
    private int _directories;
    private int _disposed;

    private BenchContext(string binary, string root, string repository, bool quick,
        Dictionary<string, Volume>? volumes = null) =>
        (Binary, Root, Repository, Quick, _volumes) = (binary, root, repository, quick, volumes ?? []);

    /// <summary>The published program.</summary>
    public string Binary { get; }

    public string Root { get; }

    public string Repository { get; }

    /// <summary>What a delayed round trip between worker and CAS takes longer.</summary>
    public TimeSpan Latency { get; init; } = TimeSpan.FromMilliseconds(25);

    /// <summary>Whether this run is being ended: what breaks now breaks because of it.</summary>
    public bool IsEnding => Volatile.Read(ref _disposed) != 0;

    /// <summary>Fewer passes, and one file system instead of two.</summary>
    public bool Quick { get; }

    public static async Task<BenchContext> CreateAsync(string? binary, bool quick, TimeSpan latency)
    {
        var repository = FindRepository();
        var root = Directory.CreateTempSubdirectory("nativelink-actors-bench-").FullName;
        // Actions and workers of other users pass through.
        File.SetUnixFileMode(root, (UnixFileMode)Convert.ToInt32("755", 8));
        // What a killed runtime leaves among the temporary files goes away with the rest.
        var temporary = Directory.CreateDirectory(Path.Combine(root, "tmp")).FullName;
        File.SetUnixFileMode(temporary, (UnixFileMode)Convert.ToInt32("1777", 8));
        Environment.SetEnvironmentVariable("TMPDIR", temporary);
        binary ??= await PublishAsync(repository, Path.Combine(root, "bin"));
        return new BenchContext(Path.GetFullPath(binary), root, repository, quick) { Latency = latency };
    }

    /// <summary>
    /// The same, with another published program, and directories
    /// below one of this context's: it ends with this one.
    /// </summary>
    public BenchContext With(string binary, string name) =>
        new(binary, NewDirectory(name), Repository, Quick, _volumes) { Latency = Latency };

    /// <summary>Publishes the sources in a directory; answers the program's path.</summary>
    public static async Task<string> PublishAsync(string sources, string output)
    {
        var (code, log) = await RunAsync("dotnet", ["publish", Path.Combine(sources, "src/NativeLink.Actors.Cli"), "-c",
            "Release", "-o", output, "-v", "q", "--nologo"], TimeSpan.FromMinutes(10));
        return code == 0
            ? Path.Combine(output, "nativelink-actors")
            : throw new InvalidOperationException($"dotnet publish failed:\n{log}");
    }

    /// <summary>A new directory below <see cref="Root"/>.</summary>
    public string NewDirectory(string name) =>
        Directory.CreateDirectory(Path.Combine(Root, $"{++_directories:00}-{name}")).FullName;

    /// <summary>
    /// Deletes what measurements have left below <see cref="Root"/> and on the volumes: twenty
    /// pairs of some would fill the disk.
    /// </summary>
    public void Clear()
    {
        foreach (var directory in Directory.EnumerateDirectories(Root)
            .Except(_volumes.Values.Select(static volume => volume.Path)))
            Directory.Delete(directory, recursive: true);
        foreach (var volume in _volumes.Values)
            volume.Clear();
    }

    /// <summary>So many passes of a measurement, fewer when the run is a quick one.</summary>
    public int Passes(int full) => Quick ? Math.Max(3, full / 4) : full;

    /// <summary>The file systems to measure on.</summary>
    public async Task<IReadOnlyList<Volume>> VolumesAsync()
    {
        var volumes = new List<Volume>();
        foreach (var name in Quick ? VolumeNames.Take(1) : VolumeNames)
            volumes.Add(await VolumeAsync(name));
        return volumes;
    }

    /// <summary><c>ext4</c>, <c>xfs</c> or <c>tmpfs</c>, mounted at its first use.</summary>
    public async Task<Volume> VolumeAsync(string name)
    {
        if (!_volumes.TryGetValue(name, out var volume))
            _volumes[name] = volume = await Volume.MountAsync(name, Root);
        return volume;
    }

    /// <summary>Runs a program to its end; its stdout and stderr as one text.</summary>
    public static async Task<(int Code, string Output)> RunAsync(
        string program, IEnumerable<string> arguments, TimeSpan limit,
        IReadOnlyDictionary<string, string>? environment = null)
    {
        using var process = Start(program, arguments, environment);
        using var ending = new CancellationTokenSource(limit);
        var texts = Task.WhenAll(process.StandardOutput.ReadToEndAsync(ending.Token),
            process.StandardError.ReadToEndAsync(ending.Token));
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

    public static Process Start(
        string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        var process = Process.Start(start)!;
        process.StandardInput.Close();
        return process;
    }

    private static string FindRepository()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null;
            directory = directory.Parent)
            if (File.Exists(Path.Combine(directory.FullName, "NativeLink.Actors.sln")))
                return directory.FullName;
        throw new InvalidOperationException(
            $"NativeLink.Actors.sln is in no directory above {AppContext.BaseDirectory}");
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        ServerProcess.KillAll();
        foreach (var volume in _volumes.Values)
            volume.Dispose();
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
