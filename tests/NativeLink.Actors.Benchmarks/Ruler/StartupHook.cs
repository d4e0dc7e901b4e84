using System.Net.Sockets;

/// <summary>
/// What the runtime runs first in a program that is started with DOTNET_STARTUP_HOOKS naming this
/// assembly: a thread that tells how much the program has allocated, to whoever connects. It sleeps
/// otherwise. The runtime wants this name, outside of any namespace.
/// </summary>
internal static class StartupHook
{
    /// <summary>
    /// The directory for the socket, which has the process
    /// id as its name; without it nothing is done.
    /// </summary>
    internal const string Directory = "NLA_RULER_DIRECTORY";

    /// <summary>The runtime calls it before Main.</summary>
    public static void Initialize()
    {
        if (Environment.GetEnvironmentVariable(Directory) is not { Length: > 0 } directory)
            return;
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(Path.Combine(directory, $"{Environment.ProcessId}")));
        listener.Listen();
        new Thread(() => Serve(listener)) { IsBackground = true, Name = "allocations" }.Start();
    }

    private static void Serve(Socket listener)
    {
        while (true)
        {
            using var asked = listener.Accept();
            asked.Send(BitConverter.GetBytes(GC.GetTotalAllocatedBytes(precise: true)));
        }
    }
}
