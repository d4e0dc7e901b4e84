using System.Runtime.InteropServices;

namespace NativeLink.Actors.Benchmarks.Floors;

/// <summary>The bare system calls that floors are made of; all throw when they fail.</summary>
internal static unsafe partial class Native
{
    private const int ReadOnly = 0;
    private const int WriteNew = 0x1 | 0x40 | 0x80;
    private const int CloseOnExec = 0x80000;
    private const int SpawnActionsBytes = 256;

    public static void MakeDirectory(string path) => Check(MakeDirectory(path, 0x1ED), "mkdir", path);

    public static void Link(string from, string to) => Check(LinkPath(from, to), "link", to);

    public static void Mount(string type, string target, string options) =>
        Check(MountAt("nativelink-actors-bench", target, type, 0, options), "mount", target);

    public static void Unmount(string target) => Check(UnmountAt(target, 0), "umount", target);

    public static void Write(string path, ReadOnlySpan<byte> content)
    {
        var file = Check(Open(path, WriteNew | CloseOnExec, 0x1A4), "open", path);
        fixed (byte* bytes = content)
            Check(WriteTo(file, bytes, (nuint)content.Length) == content.Length ? 0 : -1, "write", path);
        _ = Close(file);
    }

    /// <summary>Reads a file into a buffer that holds it; answers its length.</summary>
    public static int Read(string path, Span<byte> buffer)
    {
        var file = Check(Open(path, ReadOnly | CloseOnExec, 0), "open", path);
        int read;
        fixed (byte* bytes = buffer)
            read = Check((int)ReadFrom(file, bytes, (nuint)buffer.Length), "read", path);
        _ = Close(file);
        return read;
    }

    /// <summary>
    /// Spawns a program without arguments with a pipe for its
    /// stdout and one for its stderr, and waits for its end.
    /// </summary>
    public static void SpawnAndWait(string program)
    {
        int* output = stackalloc int[2], errors = stackalloc int[2];
        Check(Pipe(output, CloseOnExec), "pipe2", program);
        Check(Pipe(errors, CloseOnExec), "pipe2", program);
        var actions = stackalloc byte[SpawnActionsBytes];
        _ = ActionsInit(actions);
        _ = ActionsDup(actions, output[1], 1);
        _ = ActionsDup(actions, errors[1], 2);
        var name = Marshal.StringToCoTaskMemUTF8(program);
        var arguments = stackalloc nint[2] { name, 0 };
        var environment = stackalloc nint[1] { 0 };
        int id, status;
        var failure = Spawn(&id, (byte*)name, actions, null, arguments, environment);
        _ = ActionsDestroy(actions);
        Marshal.FreeCoTaskMem(name);
        if (failure != 0)
            throw new InvalidOperationException($"posix_spawn of {program}: error {failure}");
        _ = Close(output[1]);
        _ = Close(errors[1]);
        Check(Wait(id, &status, 0), "waitpid", program);
        _ = Close(output[0]);
        _ = Close(errors[0]);
        if (status != 0)
            throw new InvalidOperationException($"{program} ended with status {status}");
    }

    private static int Check(int result, string call, string about) =>
        result >= 0 ? result : throw new IOException($"{call} {about}: error {Marshal.GetLastPInvokeError()}");

    [LibraryImport("libc", EntryPoint = "mkdir", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MakeDirectory(string path, uint mode);

    [LibraryImport("libc", EntryPoint = "link", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int LinkPath(string from, string to);

    [LibraryImport("libc", EntryPoint = "mount", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MountAt(string source, string target, string type, ulong flags, string options);

    [LibraryImport("libc", EntryPoint = "umount2", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int UnmountAt(string target, int flags);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint ReadFrom(int file, byte* buffer, nuint length);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint WriteTo(int file, byte* buffer, nuint length);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int file);

    [LibraryImport("libc", EntryPoint = "pipe2", SetLastError = true)]
    private static partial int Pipe(int* ends, int flags);

    [LibraryImport("libc", EntryPoint = "waitpid", SetLastError = true)]
    private static partial int Wait(int id, int* status, int options);

    [LibraryImport("libc", EntryPoint = "posix_spawn")]
    private static partial int Spawn(
        int* id, byte* path, void* actions, void* attributes, nint* arguments, nint* environment);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_init")]
    private static partial int ActionsInit(void* actions);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_adddup2")]
    private static partial int ActionsDup(void* actions, int file, int target);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_destroy")]
    private static partial int ActionsDestroy(void* actions);
}
