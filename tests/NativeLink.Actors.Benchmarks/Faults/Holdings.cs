using System.Text.RegularExpressions;
using NativeLink.Actors.Benchmarks.Soak;

namespace NativeLink.Actors.Benchmarks.Faults;

/// <summary>
/// How many of everything a server has: descriptors by what they lead to, threads, children,
/// mounts, groups, files outside of its stores.
/// </summary>
internal sealed partial class Holdings
{
    private static readonly EnumerationOptions Everywhere = new()
    {
        RecurseSubdirectories = true,
        IgnoreInaccessible = true,
        AttributesToSkip = FileAttributes.None,
    };

    private readonly Dictionary<string, int> _counts = [];

    /// <param name="data">Everything that the server keeps is below it.</param>
    public static Holdings Of(int server, string data)
    {
        var holdings = new Holdings();
        foreach (var descriptor in Directory.GetFileSystemEntries($"/proc/{server}/fd"))
            holdings.Count("descriptor " + Plain(Link(descriptor)));
        foreach (var thread in Directory.GetDirectories($"/proc/{server}/task"))
            holdings.Count("thread " + Plain(Read(thread + "/comm").Trim()));
        foreach (var child in Directory.GetDirectories($"/proc/{server}/task")
            .SelectMany(static thread => Read(thread + "/children").Split(' ', StringSplitOptions.RemoveEmptyEntries)))
            holdings.Count("child " + Plain(Read($"/proc/{child}/comm").Trim()));
        holdings._counts["mounts"] = File.ReadLines($"/proc/{server}/mounts")
            .Count(line => line.Contains(data, StringComparison.Ordinal));
        holdings._counts["groups"] = SoakSample.CountGroups(server);
        foreach (var file in Files(data, server))
            holdings.Count("file " + Plain(file));
        return holdings;
    }

    /// <summary>What this has more of than it may have; empty when nothing.</summary>
    public IReadOnlyList<string> Beyond(Holdings most) => [.. _counts
        .Where(static count => !OfRuntime().IsMatch(count.Key))
        .Where(count => count.Value > most._counts.GetValueOrDefault(count.Key))
        .Select(count => $"{count.Key}: {count.Value}, not {most._counts.GetValueOrDefault(count.Key)}")];

    /// <summary>Of each as many as either has.</summary>
    public Holdings Most(Holdings other)
    {
        var most = new Holdings();
        foreach (var key in _counts.Keys.Union(other._counts.Keys))
            most._counts[key] = Math.Max(_counts.GetValueOrDefault(key), other._counts.GetValueOrDefault(key));
        return most;
    }

    private void Count(string what) => _counts[what] = _counts.GetValueOrDefault(what) + 1;

    /// <summary>
    /// Everything on disk but the blobs, cached directories and results, which are there to stay;
    /// seen as the server sees it.
    /// </summary>
    private static IEnumerable<string> Files(string data, int server)
    {
        var top = $"/proc/{server}/root{data}";
        return Directory.EnumerateFileSystemEntries(Directory.Exists(top) ? top : data, "*", Everywhere)
            .Select(path => path[(path.IndexOf(data, StringComparison.Ordinal) + data.Length)..])
            .Where(static path => !Kept().IsMatch(path));
    }

    /// <summary>Without what differs from one to the next.</summary>
    private static string Plain(string name) => Numbers().Replace(name, "#");

    private static string Link(string path)
    {
        try
        {
            return new FileInfo(path).LinkTarget ?? "";
        }
        catch (IOException)
        {
            return "";
        }
    }

    private static string Read(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (IOException)
        {
            return "";
        }
    }

    [GeneratedRegex("[0-9a-f]{8,}|[0-9]+")]
    private static partial Regex Numbers();

    // The runtime makes and ends threads of its pool and loads its code, and connections come and go, as it sees fit.
    [GeneratedRegex(@"^thread \.NET|^descriptor socket|\.dll$")]
    private static partial Regex OfRuntime();

    [GeneratedRegex("^/cas/d/|^/ac/[^.]|^/trees/[^/]+/trees/")]
    private static partial Regex Kept();
}
