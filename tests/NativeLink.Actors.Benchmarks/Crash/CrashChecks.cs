using System.Diagnostics;
using System.Globalization;
using System.Text;
using Grpc.Net.Client;
using NativeLink.Actors.Protocol;
using NativeLink.Actors.Storage.Hashing;

namespace NativeLink.Actors.Benchmarks.Crash;

/// <summary>What must hold after a restart; each throws when it does not.</summary>
internal static class CrashChecks
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>Every blob on disk has the content that its name says, and none is half written.</summary>
    /// <returns>How many there are.</returns>
    public static int BlobsMatchTheirNames(string content)
    {
        var blobs = Directory.GetFiles(Path.Combine(content, "d"));
        foreach (var blob in blobs)
        {
            var digest = BlobHasher.HashFile(blob, DigestFunction.Sha256);
            Require(NameOf(digest) == Path.GetFileName(blob), $"{blob} hashes to {digest}");
        }
        return blobs.Length;
    }

    /// <summary>The running CAS says that a blob is there if and only if its file is: of all blobs on disk and all that a client ever knew.</summary>
    public static async Task IndexEqualsDiskAsync(string address, string content, IReadOnlyCollection<Digest> known)
    {
        var onDisk = Directory.GetFiles(Path.Combine(content, "d")).Select(static file => Path.GetFileName(file)).ToHashSet();
        var asked = known.Select(static digest => (digest.Hash, digest.SizeBytes)).Concat(onDisk.Select(Split)).Distinct().Where(static digest => digest.SizeBytes > 0).ToList();
        using var channel = GrpcChannel.ForAddress($"http://{address}");
        var cas = new Reapi.ContentAddressableStorage.ContentAddressableStorageClient(channel);
        foreach (var chunk in asked.Chunk(5_000))
        {
            var request = new Reapi.FindMissingBlobsRequest();
            request.BlobDigests.Add(chunk.Select(static digest => new Reapi.Digest { Hash = digest.Hash, SizeBytes = digest.SizeBytes }));
            var missing = (await cas.FindMissingBlobsAsync(request)).MissingBlobDigests.Select(static digest => Name(digest.Hash, digest.SizeBytes)).ToHashSet();
            foreach (var (hash, size) in chunk)
                Require(onDisk.Contains(Name(hash, size)) != missing.Contains(Name(hash, size)), $"blob {hash}/{size} is {(missing.Contains(Name(hash, size)) ? "on disk, and the CAS does not know it" : "known to the CAS, and not on disk")}");
        }
    }

    /// <summary>No action's mount is left below the data directory.</summary>
    public static void NoMountIsLeft(string data)
    {
        var left = File.ReadLines("/proc/self/mountinfo").Where(line => line.Contains(" " + data, StringComparison.Ordinal) && line.Contains(" - overlay ", StringComparison.Ordinal)).ToList();
        Require(left.Count == 0, $"{left.Count} mounts are left: {string.Join('\n', left)}");
        // A tmpfs for what actions write is the new process's own; one for each scratch directory.
        var memories = File.ReadLines("/proc/self/mountinfo").Select(static line => line.Split(' ')[4]).Where(point => point.StartsWith(data + "/", StringComparison.Ordinal)).GroupBy(static point => point);
        Require(memories.All(static point => point.Count() == 1), "a scratch directory of the killed process is still mounted below the new one's");
    }

    /// <summary>Nothing of the killed cluster lives any more: no process of its actions, and none that it was about to make one of.</summary>
    /// <param name="data">The data directory, which is in the command line of the cluster and of what it forks.</param>
    public static async Task NoProcessIsLeftAsync(string mark, string data, int server)
    {
        var began = Stopwatch.GetTimestamp();
        List<string> left;
        while ((left = Find(mark, data, server)).Count > 0 && Stopwatch.GetElapsedTime(began) < Patience)
            await Task.Delay(50);
        Require(left.Count == 0, $"processes of the killed cluster are left: {string.Join(", ", left)}");
    }

    private static List<string> Find(string mark, string data, int server)
    {
        var (variable, directory) = (Encoding.UTF8.GetBytes($"{CrashBuild.MarkName}={mark}\0"), Encoding.UTF8.GetBytes($"--data\0{data}\0"));
        var found = new List<string>();
        foreach (var process in Directory.EnumerateDirectories("/proc").Where(static path => char.IsAsciiDigit(Path.GetFileName(path)[0])))
        {
            try
            {
                var marked = File.ReadAllBytes(Path.Combine(process, "environ")).AsSpan().IndexOf(variable) >= 0;
                var forked = Path.GetFileName(process) != $"{server}" && File.ReadAllBytes(Path.Combine(process, "cmdline")).AsSpan().IndexOf(directory) >= 0;
                if (marked || forked)
                    found.Add($"{Path.GetFileName(process)} ({File.ReadAllText(Path.Combine(process, "comm")).Trim()}{(forked ? ", a fork of the cluster" : "")})");
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                // It has ended.
            }
        }
        return found;
    }

    private static (string Hash, long SizeBytes) Split(string name) => (name[..64], long.Parse(name.AsSpan(65), CultureInfo.InvariantCulture));

    private static string NameOf(Digest digest) => Name(digest.Hash, digest.SizeBytes);

    private static string Name(string hash, long size) => string.Create(CultureInfo.InvariantCulture, $"{hash}-{size}");

    private static void Require(bool holds, string otherwise)
    {
        if (!holds)
            throw new InvalidOperationException(otherwise);
    }
}
