using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace NativeLink.Actors.Posix;

/// <summary>
/// The calls of the C library that the house needs and .NET does not have: each entry point once, by theme in the
/// files beside this one. Where nothing
/// else is said a call answers -1 (or null) and sets errno (<see cref="Errno.Last"/>). Numbers are those of Linux on
/// x64 and arm64; the few that differ
/// are in <see cref="ByArchitecture"/> and <see cref="SystemCalls"/>. Texts are UTF-8 without NUL (callers check).
/// </summary>
/// <remarks>
/// A call that is also made with a name that is bytes already, as from getdents64(2), is declared with a pointer; its
/// overload with a string makes such a
/// name on the stack, as the generated code of the others does (<see cref="Utf8Text"/>).
/// </remarks>
// The texts' buffers on the stack need not be cleared first; the source generator leaves that out of its own code too.
[SkipLocalsInit]
internal static unsafe partial class Libc
{
    private const string Library = "libc";

    /// <summary>syscall(2), for calls that not every C library has a function for.</summary>
    [LibraryImport(Library, EntryPoint = "syscall", SetLastError = true)]
    private static partial nint SystemCall(nint number, nint one, nint two, nint three, nint four);

    /// <summary>
    /// The address of a function of the C library, for code that may run nothing managed around the call, not even the
    /// few instructions that the runtime
    /// puts there (dlsym(3)). It sets errno in the C library alone.
    /// </summary>
    public static nint AddressOf(string function) =>
        NativeLibrary.GetExport(NativeLibrary.GetMainProgramHandle(), function);
}
