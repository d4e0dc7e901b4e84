using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace NativeLink.Actors.Worker.Processes;

/// <summary>
/// Reads what proc(5) says about a process. The name in <c>/proc/PID/stat</c>
/// may hold blanks and parentheses, so everything is counted from the last
/// closing one; malformed text gives no value, never an exception.
/// </summary>
internal static class ProcStat
{
    /// <summary>Clock ticks a second, as USER_HZ is on every Linux that .NET runs on.</summary>
    public const int TicksPerSecond = 100;

    /// <summary>The process group (field 5).</summary>
    public static int? ProcessGroup(string stat) =>
        Field(stat, 5) is { } value && value is >= int.MinValue and <= int.MaxValue ? (int)value : null;

    /// <summary>The parent (field 4).</summary>
    public static int? Parent(string stat) => Field(stat, 4) is { } value && value is >= 0 and <= int.MaxValue
        ? (int)value
        : null;

    /// <summary>User and system time in ticks (fields 14 and 15).</summary>
    public static long? CpuTicks(string stat) =>
        Field(stat, 14) is { } user && Field(stat, 15) is { } system && user >= 0 && system >= 0 ? user + system : null;

    /// <summary>
    /// Whether it is on its way out, perhaps waiting for
    /// others (PF_EXITING in field 9, the kernel's flags).
    /// </summary>
    public static bool IsExiting(string stat) => (Field(stat, 9) & 0x4) != 0;

    /// <summary>
    /// When it started, in ticks after the machine did
    /// (field 22); with the pid it names a process for good.
    /// </summary>
    public static long? StartTicks(string stat) => Field(stat, 22);

    /// <summary>The state's letter (field 3).</summary>
    public static char? State(string stat)
    {
        var from = stat.LastIndexOf(')');
        return from >= 0 && from + 2 < stat.Length && stat[from + 1] == ' ' ? stat[from + 2] : null;
    }

    private static long? Field(string stat, int number)
    {
        var from = stat.LastIndexOf(')');
        if (from < 0) return null;
        var index = 2;
        foreach (var range in stat.AsSpan(from + 1).Split(' '))
        {
            var word = stat.AsSpan(from + 1)[range].Trim('\n');
            if (word.IsEmpty) continue;
            if (++index == number)
                return long.TryParse(word, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value)
                    ? value
                    : null;
        }

        return null;
    }

    /// <summary>The text of /proc/PID/stat, or null when there is no such process.</summary>
    internal static string? Read(int pid)
    {
        Span<byte> buffer = stackalloc byte[1024];
        var length = Libc.ReadFile(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/stat"), buffer);
        return length > 0 ? Encoding.UTF8.GetString(buffer[..length]) : null;
    }

    /// <summary>Resident set in KiB, 0 when the process is gone.</summary>
    internal static long ResidentKiB(int pid)
    {
        Span<byte> buffer = stackalloc byte[128];
        var length = Libc.ReadFile(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/statm"), buffer);
        if (length <= 0) return 0;
        var text = buffer[..length];
        var second = text.IndexOf((byte)' ') + 1;
        return Utf8Parser.TryParse(text[second..], out long pages, out _)
            ? pages * (Environment.SystemPageSize / 1024)
            : 0;
    }

    /// <summary>Whether there is such a process, dead or alive; takes no descriptor.</summary>
    internal static bool Exists(int pid) => Libc.SendSignal(pid, 0) == 0 || Errno.Last != Errno.ESRCH;

    /// <summary>The numbers in a file of the kernel's that lists process ids; empty when it cannot be read.</summary>
    internal static List<int> Pids(string path) => PidsIfReadable(path) ?? [];

    /// <summary>
    /// Empty when there is no such file any more; null when it could not be read, as without a
    /// descriptor or memory, which says nothing about who is there.
    /// </summary>
    internal static List<int>? PidsIfReadable(string path)
    {
        var buffer = new byte[4096];
        int length;
        while ((length = Libc.ReadFile(path, buffer)) == buffer.Length
            && length < 1 << 22) buffer = new byte[buffer.Length * 4];
        return length switch
        {
            > 0 => Numbers(buffer.AsSpan(0, length)),
            0 or -Errno.ENOENT or -Errno.ESRCH => [],
            _ => null,
        };
    }

    /// <summary>Everything that descends from a process, from the children of each of its threads downwards.</summary>
    internal static List<int> Descendants(int ancestor) => Descendants(ancestor, out _);

    /// <param name="ancestor">Its process number.</param>
    /// <param name="complete">Whether all could be read: where not, there may be more.</param>
    internal static List<int> Descendants(int ancestor, out bool complete)
    {
        complete = true;
        var found = new List<int>();
        var todo = new Stack<int>([ancestor]);
        while (todo.TryPop(out var pid))
        {
            string[] threads;
            try
            {
                threads = Directory.GetDirectories(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/task"));
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                complete &= error is DirectoryNotFoundException or UnauthorizedAccessException
                    || error.HResult == Errno.ESRCH;
                continue; // Mostly it has ended meanwhile.
            }

            foreach (var thread in threads)
            {
                var children = PidsIfReadable(thread + "/children");
                complete &= children is not null;
                foreach (var child in children ?? [])
                {
                    found.Add(child);
                    todo.Push(child);
                }
            }
        }

        return found;
    }

    private static List<int> Numbers(ReadOnlySpan<byte> text)
    {
        var numbers = new List<int>();
        while (!text.IsEmpty)
        {
            if (Utf8Parser.TryParse(text, out int number, out var used))
            {
                numbers.Add(number);
                text = text[used..];
            }
            else
            {
                text = text[1..];
            }
        }

        return numbers;
    }

    /// <summary>The number after a name in text of the form "name number\n…", or null.</summary>
    internal static long? Named(ReadOnlySpan<byte> text, ReadOnlySpan<byte> name)
    {
        while (!text.IsEmpty)
        {
            var end = text.IndexOf((byte)'\n');
            var line = end < 0 ? text : text[..end];
            if (line.StartsWith(name) && line.Length > name.Length && line[name.Length] == ' '
                && Utf8Parser.TryParse(line[(name.Length + 1)..], out long value, out _))
                return value;
            text = end < 0 ? [] : text[(end + 1)..];
        }

        return null;
    }
}
