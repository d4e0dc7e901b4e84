using System.Net.Sockets;
using NativeLink.Actors.Benchmarks.Rig;

namespace NativeLink.Actors.Benchmarks.Faults;

/// <summary>The program beside a server that lets one of its system calls fail, see <c>faultpoints.c</c>.</summary>
internal sealed class FaultGate : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
    {
        ReceiveTimeout = (int)Patience.TotalMilliseconds,
    };

    private FaultGate(string address) => _socket.Connect(new UnixDomainSocketEndPoint(address));

    /// <summary>
    /// Compiles the program; null, and why, where this
    /// machine has no compiler or knows no such filters.
    /// </summary>
    public static async Task<(string? Program, string Why)> CompileAsync(BenchContext context)
    {
        var program = Path.Combine(context.NewDirectory("faultpoints"), "faultpoints");
        try
        {
            var source = Path.Combine(context.Repository, "tests/NativeLink.Actors.Benchmarks/Faults/faultpoints.c");
            var (code, output) = await BenchContext.RunAsync(
                "gcc", ["-Wall", "-Wextra", "-Werror", "-O2", "-o", program, source], Patience);
            if (code != 0)
                throw new InvalidOperationException($"{source} cannot be compiled: {output}");
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return (null, "there is no gcc");
        }
        var (tried, said) = await BenchContext.RunAsync(program, [program + ".try", "/bin/true"], Patience);
        return tried == 0 ? (program, "") : (null, said.Trim());
    }

    public static FaultGate Connect(string address) => new(address);

    /// <param name="number">Which call of the kind fails, from 1 on; 0 for none.</param>
    public void Arm(string kind, int number) => Ask($"arm {kind} {number}\n");

    /// <returns>How many calls of the kind there were, and which one failed.</returns>
    public (int Count, string? Failed) Disarm()
    {
        var words = Ask("disarm\n").Trim().Split(" FAILED ", 2);
        return (int.Parse(words[0], System.Globalization.CultureInfo.InvariantCulture), words.Length > 1
            ? words[1]
            : null);
    }

    public void Dispose() => _socket.Dispose();

    private string Ask(string line)
    {
        _socket.Send(System.Text.Encoding.ASCII.GetBytes(line));
        var answer = new byte[4096];
        var length = 0;
        do
        {
            var received = _socket.Receive(answer, length, answer.Length - length, SocketFlags.None);
            length += received > 0 ? received : throw new InvalidOperationException("what lets calls fail has ended");
        }
        while (answer[length - 1] != '\n');
        return System.Text.Encoding.UTF8.GetString(answer, 0, length);
    }
}
