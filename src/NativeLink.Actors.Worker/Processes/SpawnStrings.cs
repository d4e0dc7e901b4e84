using System.Runtime.InteropServices;
using System.Text;

namespace NativeLink.Actors.Worker.Processes;

/// <summary>Path, argv and envp as the kernel wants them, in one block of native memory.</summary>
internal sealed unsafe class SpawnStrings : IDisposable
{
    private readonly byte* _block;

    internal SpawnStrings(string path, ProcessPlan plan)
    {
        var (arguments, environment) = (plan.Arguments, plan.Environment);
        var pointers = arguments.Count + environment.Count + 2;
        var size = (pointers * sizeof(byte*)) + Encoding.UTF8.GetByteCount(path) + 1;
        foreach (var argument in arguments) size += Encoding.UTF8.GetByteCount(argument) + 1;
        foreach (var (name, value) in environment) size += Encoding.UTF8.GetByteCount(name)
            + Encoding.UTF8.GetByteCount(value) + 2;

        _block = (byte*)NativeMemory.Alloc((nuint)size);
        var text = new Span<byte>(_block, size)[(pointers * sizeof(byte*))..];
        var slot = (byte**)_block;
        Arguments = slot;
        foreach (var argument in arguments)
        {
            *slot++ = Address(text);
            text = Put(text, argument, 0);
        }

        *slot++ = null;
        Environment = slot;
        foreach (var (name, value) in environment)
        {
            *slot++ = Address(text);
            text = Put(Put(text, name, (byte)'='), value, 0);
        }

        *slot = null;
        Path = Address(text);
        Put(text, path, 0);
    }

    internal byte* Path { get; }

    internal byte** Arguments { get; }

    internal byte** Environment { get; }

    public void Dispose() => NativeMemory.Free(_block);

    private static byte* Address(Span<byte> text) =>
        (byte*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref MemoryMarshal.GetReference(text));

    private static Span<byte> Put(Span<byte> text, string value, byte end)
    {
        var length = Encoding.UTF8.GetBytes(value, text);
        text[length] = end;
        return text[(length + 1)..];
    }
}
