using System.Runtime.InteropServices;

namespace NativeLink.Actors.Worker.Processes;

/// <summary>One system call: its number and arguments, and what it answered, for <see cref="SpawnRoutine"/>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct SpawnStep
{
    internal const int Size = 64;

    internal nint Number;
    internal nint One;
    internal nint Two;
    internal nint Three;
    internal nint Four;
    internal nint Five;

    /// <summary>What the kernel answered: a negative number is an errno.</summary>
    internal nint Result;

    /// <summary>Not 0 where the child may not go on when this call fails; tells the parent what failed.</summary>
    internal nint Needed;
}

/// <summary>
/// Makes a child that shares this process's memory until it executes a program, as vfork(2) does,
/// and that makes a list of system calls. posix_spawn(3) of most C libraries knows neither cgroups
/// nor limits, and between fork and exec nothing managed may run: so the child's way is data, and
/// these few instructions walk along it. They use registers alone, so that the child needs no stack
/// of its own. The calling thread stands still until the child has executed its program or ended.
/// <para>The steps are: block all signals; clone(2) or clone3(2); set the signals back; then those
/// of the child, the last of which executes the program.</para>
/// <code>
///            take steps from the first one on
///            make one step (block the signals), make one step (clone)
///            in the parent (the answer is not 0): go to parent
///            leave out one step
///   child:   make one step; when it answered 0 or more, or is not needed: go to child
///            exit_group(127)
///   parent:  make one step (set the signals back), return what the clone answered
/// </code>
/// </summary>
internal static unsafe class SpawnRoutine
{
    internal const int FirstChildStep = 3;

    /// <summary>Takes the first step; returns the child's process number or a negative errno.</summary>
    internal static readonly delegate* unmanaged<SpawnStep*, nint> Run = (delegate* unmanaged<SpawnStep*, nint>)Load();

    private static ReadOnlySpan<byte> X64 =>
    [
        0x49, 0x89, 0xF9, // mov r9, rdi
        /* make one step: */
        // mov rax, [r9]; mov rdi, [r9+8]; mov rsi, [r9+16]
        0x49, 0x8B, 0x01, 0x49, 0x8B, 0x79, 0x08, 0x49, 0x8B, 0x71, 0x10,
        // mov rdx, [r9+24]; mov r10, [r9+32]; mov r8, [r9+40]
        0x49, 0x8B, 0x51, 0x18, 0x4D, 0x8B, 0x51, 0x20, 0x4D, 0x8B, 0x41, 0x28,
        0x0F, 0x05, 0x49, 0x89, 0x41, 0x30, 0x49, 0x83, 0xC1, 0x40, // syscall; mov [r9+48], rax; add r9, 64
        /* make one step: */
        0x49, 0x8B, 0x01, 0x49, 0x8B, 0x79, 0x08, 0x49, 0x8B, 0x71, 0x10,
        0x49, 0x8B, 0x51, 0x18, 0x4D, 0x8B, 0x51, 0x20, 0x4D, 0x8B, 0x41, 0x28,
        0x0F, 0x05, 0x49, 0x89, 0x41, 0x30, 0x49, 0x83, 0xC1, 0x40,
        0x48, 0x85, 0xC0, 0x75, 0x3F, // test rax, rax; jnz parent
        0x49, 0x83, 0xC1, 0x40, // add r9, 64
        /* child: make one step: */
        0x49, 0x8B, 0x01, 0x49, 0x8B, 0x79, 0x08, 0x49, 0x8B, 0x71, 0x10,
        0x49, 0x8B, 0x51, 0x18, 0x4D, 0x8B, 0x51, 0x20, 0x4D, 0x8B, 0x41, 0x28,
        0x0F, 0x05, 0x49, 0x89, 0x41, 0x30, 0x49, 0x83, 0xC1, 0x40,
        0x48, 0x85, 0xC0, 0x79, 0xDA, // test rax, rax; jns child
        0x49, 0x83, 0x79, 0xF8, 0x00, 0x74, 0xD3, // cmp qword [r9-8], 0; je child
        // mov edi, 127; mov eax, 231; syscall; ud2
        0xBF, 0x7F, 0x00, 0x00, 0x00, 0xB8, 0xE7, 0x00, 0x00, 0x00, 0x0F, 0x05, 0x0F, 0x0B,
        /* parent: make one step: */
        0x49, 0x8B, 0x01, 0x49, 0x8B, 0x79, 0x08, 0x49, 0x8B, 0x71, 0x10,
        0x49, 0x8B, 0x51, 0x18, 0x4D, 0x8B, 0x51, 0x20, 0x4D, 0x8B, 0x41, 0x28,
        0x0F, 0x05, 0x49, 0x89, 0x41, 0x30, 0x49, 0x83, 0xC1, 0x40,
        0x49, 0x8B, 0x41, 0xB0, 0xC3, // mov rax, [r9-80]; ret
    ];

    private static ReadOnlySpan<uint> Arm64 =>
    [
        0xAA0003E9, // mov x9, x0
        // Make one step: ldp x8, x0, [x9]; ldp x1, x2, [x9, #16]; ldp x3, x4, [x9, #32]; svc #0; str x0, [x9, #48];
        // add x9, x9, #64.
        0xA9400128, 0xA9410921, 0xA9421123, 0xD4000001, 0xF9001920, 0x91010129,
        0xA9400128, 0xA9410921, 0xA9421123, 0xD4000001, 0xF9001920, 0x91010129,
        0xB50001E0, 0x91010129, // cbnz x0, parent; add x9, x9, #64
        /* child: make one step: */
        0xA9400128, 0xA9410921, 0xA9421123, 0xD4000001, 0xF9001920, 0x91010129,
        0xB6FFFF40, // tbz x0, #63, child
        0xF85F8121, 0xB4FFFF01, // ldur x1, [x9, #-8]; cbz x1, child
        0xD2800FE0, 0xD2800BC8, 0xD4000001, 0xD4200000, // mov x0, #127; mov x8, #94; svc #0; brk #0
        /* parent: make one step: */
        0xA9400128, 0xA9410921, 0xA9421123, 0xD4000001, 0xF9001920, 0x91010129,
        0xF85B0120, 0xD65F03C0, // ldur x0, [x9, #-80]; ret
    ];

    /// <summary>A page that is written first and can only be executed from then on.</summary>
    private static nint Load()
    {
        var code = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? X64 : MemoryMarshal.AsBytes(Arm64);
        var page = Libc.MapPage(Environment.SystemPageSize);
        if (page is null)
            throw new FaultException(
                FaultKind.Worker, $"no memory for the routine that spawns: {Errno.Message(Errno.Last)}");
        code.CopyTo(new Span<byte>(page, code.Length));
        if (Libc.ProtectMemory(page, (nuint)Environment.SystemPageSize, Libc.ProtectRead | Libc.ProtectExecute) != 0)
            throw new FaultException(
                FaultKind.Worker, $"memory cannot be made executable: {Errno.Message(Errno.Last)}");
        return (nint)page;
    }
}
