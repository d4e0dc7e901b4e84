using System.Diagnostics;
using System.Globalization;
using NativeLink.Actors.Storage.Hashing;
using Xunit.Abstractions;

namespace NativeLink.Actors.Storage.Tests;

public class SharedStoreTests(ITestOutputHelper output)
{
    private const int Kills = 4;

    // A process may be a thirty-second behind what the other has written, and a blob is accounted when it is there.
    private const long Allowed = SharedStore.MaxBytes + (SharedStore.MaxBytes / 8);

    [Fact]
    public void Two_processes_on_one_store_tear_nothing_evict_nothing_leased_and_keep_its_limit_also_when_one_dies()
    {
        using var directory = new TempDirectory();
        var random = new Random(Seed.Draw(output));
        using var first = Working(directory.Path, random.Next());
        for (var round = 0; round < Kills; round++)
        {
            using var second = Working(directory.Path, random.Next());
            Look(directory, random.Next(100, 400));
            second.Kill();
            second.WaitForExit();
            // What it had leased is nobody's any more.
            Look(directory, 100);
        }
        using var last = Working(directory.Path, random.Next());
        Look(directory, 500);

        var (stopFirst, stopLast) = random.Next(2) == 0 ? (first, last) : (last, first);
        Stop(stopFirst, "stop");
        Stop(stopLast, "compare");
        Assert.Empty(Directory.GetFiles(directory.At("content", ".users"), "*.l*"));
        using var store = SharedStore.Open(directory.Path);
        Assert.All(Directory.GetFiles(directory.At("content", "d"))
            .Concat(Directory.GetFiles(directory.At("content.exec", "d"))), AssertWhole);
        Assert.InRange(store.Usage.Bytes, SharedStore.MaxBytes / 2, SharedStore.MaxBytes);
    }

    private Process Working(string directory, int seed)
    {
        output.WriteLine($"seed {seed}");
        var process = SharedStore.Start(directory, seed);
        Assert.Equal("working", process.StandardOutput.ReadLine());
        return process;
    }

    private static void Stop(Process process, string word)
    {
        process.StandardInput.WriteLine(word);
        Assert.Equal("stopped", process.StandardOutput.ReadLine());
        Assert.True(process.WaitForExit(60_000));
        Assert.Equal(0, process.ExitCode);
    }

    /// <summary>For so long: every file that is there is whole, and all together are not too much.</summary>
    private static void Look(TempDirectory directory, int milliseconds)
    {
        var watch = Stopwatch.StartNew();
        while (watch.ElapsedMilliseconds < milliseconds)
        {
            var files = Directory.GetFiles(directory.At("content", "d"));
            Assert.InRange(files.Sum(static path => BytesOf(path)), 0, Allowed);
            foreach (var path in files.Take(20))
                AssertWhole(path);
        }
    }

    /// <summary>In whole blocks, by its name: it may be evicted by now.</summary>
    private static long BytesOf(string path) =>
        (long.Parse(path[(path.LastIndexOf('-') + 1)..], CultureInfo.InvariantCulture) + 4095) / 4096 * 4096;

    private static void AssertWhole(string path)
    {
        try
        {
            var digest = FileHasher.Hash(path, DigestFunction.Sha256);
            Assert.Equal(Path.GetFileName(path), $"{digest.Hash}-{digest.SizeBytes}");
        }
        catch (FileNotFoundException)
        {
            // Evicted since it was listed.
        }
    }
}
