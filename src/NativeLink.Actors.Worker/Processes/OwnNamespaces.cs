using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace NativeLink.Actors.Worker.Processes;

/// <summary>
/// A user and a mount namespace for the whole worker of an ordinary user (user_namespaces(7)): in
/// there it may mount and make PID namespaces, while its user, its groups and its process number
/// stay. A process with threads cannot enter any: util-linux's <c>unshare</c>, executed in its
/// place, does, and executes it again.
/// </summary>
internal static unsafe class OwnNamespaces
{
    /// <summary>
    /// Holds the number of the process that has been through this, so that neither it does so twice
    /// nor a process started with its environment takes it for itself.
    /// </summary>
    public const string Variable = "NATIVELINK_ACTORS_NAMESPACES";

    private const int LeastDescriptor = 10;

    // Shared within the new namespace, so that the namespaces of actions see what is mounted later;
    // outside nothing is seen of it: there, it is another user's.
    private static readonly string[] Unshare = ["unshare", "--user", "--map-current-user", "--keep-caps", "--mount",
        "--propagation", "shared", "--"];

    /// <summary>
    /// Does not return when this process is to be executed again in namespaces of its own: to be
    /// called before it has read, opened or started anything. Root needs none.
    /// </summary>
    /// <param name="marker">What <see cref="Variable"/> holds.</param>
    /// <param name="path">Where to look for <c>unshare</c>.</param>
    /// <returns>What came of it, for the log; null for root.</returns>
    public static string? Enter(string? marker, string? path)
    {
        if (Environment.IsPrivilegedProcess) return null;
        if (marker == Environment.ProcessId.ToString(CultureInfo.InvariantCulture))
            return "in a user and a mount namespace of its own";
        return $"no user and mount namespace of its own: {Try(path) ?? Execute(path)}";
    }

    /// <summary>
    /// Runs <c>unshare</c> as a child, with a program that does nothing: once it has been executed
    /// in our place it is too late for its no.
    /// </summary>
    /// <returns>Null when it works, else why not.</returns>
    private static string? Try(string? path)
    {
        var said = Path.Combine(Path.GetTempPath(), $"nativelink-actors-unshare-{Guid.NewGuid():N}");
        var plan = new ProcessPlan([.. Unshare, "/bin/sh", "-c", ":"], Search(path), "/", "", "");
        var program = ProgramLookup.Find(plan);
        if (program.Path is null) return program.Message;
        using var call = new SpawnCall();
        try
        {
            using var file = new FileStream(said, FileMode.CreateNew, FileAccess.Write);
            // Where this process was started without stdin, stdout or stderr, the file may be one
            // of those that the child sets up.
            var above = Libc.Fcntl((int)file.SafeFileHandle.DangerousGetHandle(), FcntlCommand.DuplicateCloseOnExec,
                LeastDescriptor);
            if (above < 0) return Errno.Message(Errno.Last);
            call.Prepare(plan, program.Path, new SpawnStreams(-1, above));
            var spawned = call.Spawn();
            _ = Libc.Close(above);
            if (!spawned) return $"{program.Path}: {Errno.Message(call.Error)}";
            int status;
            while (Libc.Wait(call.Pid, &status, 0, null) != call.Pid && Errno.Last == Errno.EINTR)
            {
                // Interrupted by a signal.
            }

            return status == 0 ? null : $"{program.Path} says: {File.ReadAllText(said).Trim()}";
        }
        catch (IOException error)
        {
            return error.Message;
        }
        finally
        {
            _ = Libc.UnlinkAt(Libc.AtFdCwd, said, 0);
        }
    }

    /// <returns>Only when it fails: why.</returns>
    private static string Execute(string? path)
    {
        var program = ProgramLookup.Find(new ProcessPlan(Unshare, Search(path), "/", "", "")).Path!;
        var arguments = new List<byte[]>();
        foreach (var argument in Unshare) arguments.Add(Encoding.UTF8.GetBytes(argument));
        arguments.Add(Encoding.UTF8.GetBytes(Environment.ProcessPath!));
        arguments.AddRange(OwnArguments());
        var pointers = (byte**)NativeMemory.Alloc((nuint)(arguments.Count + 1), (nuint)sizeof(byte*));
        for (var i = 0; i < arguments.Count; i++) pointers[i] = Terminated(arguments[i]);
        pointers[arguments.Count] = null;

        RemoveSocket();
        // The environment, as this process got it, byte by byte, and the marker.
        _ = Libc.SetVariable(Variable, Environment.ProcessId.ToString(CultureInfo.InvariantCulture), 1);
        _ = Libc.Execute(Terminated(Encoding.UTF8.GetBytes(program)), pointers);
        return $"{program}: {Errno.Message(Errno.Last)}";
    }

    /// <summary>
    /// The runtime's diagnostics socket: the next one wants the same name, and removes it in the
    /// end only if it could make it. A killed process of another user with the same number may have
    /// left one here that cannot be removed; it has another name and is in nobody's way.
    /// </summary>
    private static void RemoveSocket()
    {
        try
        {
            foreach (var socket in Directory.EnumerateFiles(Path.GetTempPath(),
                $"dotnet-diagnostic-{Environment.ProcessId}-*-socket")) _ = Libc.UnlinkAt(Libc.AtFdCwd, socket, 0);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // No such directory, or it cannot be listed: then there is no socket to remove.
        }
    }

    /// <summary>The arguments after the program's name, byte by byte as they were given.</summary>
    private static List<byte[]> OwnArguments()
    {
        var arguments = new List<byte[]>();
        var rest = File.ReadAllBytes("/proc/self/cmdline").AsSpan();
        while (rest.IndexOf((byte)0) is var end and >= 0)
        {
            arguments.Add(rest[..end].ToArray());
            rest = rest[(end + 1)..];
        }

        return arguments[1..];
    }

    private static KeyValuePair<string, string>[] Search(string? path) => [new("PATH", path ?? "/usr/bin:/bin")];

    private static byte* Terminated(byte[] text)
    {
        var copy = (byte*)NativeMemory.AllocZeroed((nuint)text.Length + 1);
        text.CopyTo(new Span<byte>(copy, text.Length));
        return copy;
    }
}
