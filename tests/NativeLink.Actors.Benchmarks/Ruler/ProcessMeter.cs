using System.Globalization;
using System.Net.Sockets;

namespace NativeLink.Actors.Benchmarks.Ruler;

/// <summary>What a process has used so far.</summary>
/// <param name="CpuNanoseconds">Of its own threads.</param>
/// <param name="ChildrenSeconds">CPU time of the processes that it has waited for.</param>
internal sealed record Usage(
    double CpuNanoseconds, double ChildrenSeconds, double VoluntarySwitches, double AllocatedBytes);

/// <summary>
/// Reads what a running process uses, thread by thread: the kernel sums
/// up switches for single threads alone, and counts time in nanoseconds
/// there. What a thread used that ended in between is not in it.
/// </summary>
internal sealed class ProcessMeter(int id, string socketDirectory)
{
    private const double TicksPerSecond = 100;

    private readonly Dictionary<string, (double Nanoseconds, double Switches)> _threads = [];
    private double _nanoseconds;
    private double _switches;

    public Usage Read()
    {
        foreach (var thread in Directory.EnumerateDirectories($"/proc/{id}/task"))
        {
            if (ReadThread(thread) is not { } now)
                continue;
            var before = _threads.GetValueOrDefault(thread);
            _nanoseconds += now.Nanoseconds - before.Nanoseconds;
            _switches += now.Switches - before.Switches;
            _threads[thread] = now;
        }
        var stat = File.ReadAllText($"/proc/{id}/stat");
        var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        var children = (Number(fields[13]) + Number(fields[14])) / TicksPerSecond;
        return new Usage(_nanoseconds, children, _switches, Allocated());
    }

    /// <summary>
    /// The time on a processor and the voluntary switches of the
    /// thread in this directory of /proc; null when it has ended.
    /// </summary>
    public static (double Nanoseconds, double Switches)? ReadThread(string directory)
    {
        try
        {
            var nanoseconds = Number(File.ReadAllText(directory + "/schedstat").Split(' ')[0]);
            var line = File.ReadLines(directory + "/status")
                .First(static line => line.StartsWith("voluntary_ctxt_switches:", StringComparison.Ordinal));
            return (nanoseconds, Number(line.Split('\t')[1]));
        }
        catch (Exception error) when (error is IOException or InvalidOperationException)
        {
            return null;
        }
    }

    private double Allocated()
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
        {
            ReceiveTimeout = 10_000,
        };
        socket.Connect(
            new UnixDomainSocketEndPoint(Path.Combine(socketDirectory, id.ToString(CultureInfo.InvariantCulture))));
        var answer = new byte[8];
        return socket.Receive(answer) == answer.Length
            ? BitConverter.ToInt64(answer)
            : throw new InvalidOperationException($"process {id} did not tell what it has allocated");
    }

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}
