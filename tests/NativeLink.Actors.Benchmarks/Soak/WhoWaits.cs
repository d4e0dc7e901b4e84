using System.Globalization;
using System.Text;

namespace NativeLink.Actors.Benchmarks.Soak;

/// <summary>
/// Where each thread of a process stands in the kernel,
/// and each of its descendants with what it holds open.
/// </summary>
internal static class WhoWaits
{
    public static string Describe(int process)
    {
        var text = new StringBuilder().Append(CultureInfo.InvariantCulture, $"threads of {process}:\n");
        foreach (var thread in Directory.EnumerateDirectories($"/proc/{process}/task"))
            text.Append(
                CultureInfo.InvariantCulture,
                $"  {Path.GetFileName(thread)} {Read(thread + "/comm")}: {Read(thread + "/wchan")}, " +
                $"system call {Read(thread + "/syscall")}\n");
        foreach (var child in Descendants(process))
        {
            var directory = $"/proc/{child}";
            text.Append(
                CultureInfo.InvariantCulture,
                $"descendant {child} of {Parent(child)}: {Read(directory + "/cmdline").Replace('\0', ' ')}: " +
                $"{Read(directory + "/wchan")}, system call {Read(directory + "/syscall")}\n");
            foreach (var file in Entries(directory + "/fd"))
                text.Append(CultureInfo.InvariantCulture, $"  {Path.GetFileName(file)} → {Link(file)}\n");
        }
        return text.ToString();
    }

    private static IEnumerable<int> Descendants(int process)
    {
        var parents = Directory.EnumerateDirectories("/proc").Select(static path => Path.GetFileName(path))
            .Where(static name => name.All(char.IsAsciiDigit))
            .Select(static name => int.Parse(name, CultureInfo.InvariantCulture)).ToDictionary(static id => id, Parent);
        bool IsBelow(int id) => parents.TryGetValue(id, out var parent) && (parent == process || IsBelow(parent));
        return parents.Keys.Where(IsBelow).Order();
    }

    private static int Parent(int id)
    {
        var stat = Read($"/proc/{id}/stat");
        return stat.LastIndexOf(')') is > 0 and var end
            ? int.Parse(stat[(end + 2)..].Split(' ')[1], CultureInfo.InvariantCulture)
            : 0;
    }

    private static string Read(string file) => Try(() => File.ReadAllText(file).Trim());

    private static string Link(string file) => Try(() => new FileInfo(file).LinkTarget ?? "");

    private static string[] Entries(string directory)
    {
        try
        {
            return Directory.GetFileSystemEntries(directory);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private static string Try(Func<string> read)
    {
        try
        {
            return read();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
