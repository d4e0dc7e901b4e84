using System.Runtime.InteropServices.Marshalling;

namespace NativeLink.Actors.Posix;

/// <summary>
/// A string as the C library takes it: UTF-8 that ends with a NUL, in the caller's buffer where it is long enough,
/// else in memory that is freed in the end.
/// It is what the source generator makes for an argument that is a string.
/// </summary>
internal unsafe ref struct Utf8Text
{
    /// <summary>The length of buffer that names nearly always fit into.</summary>
    public const int StackBytes = 256;

    private Utf8StringMarshaller.ManagedToUnmanagedIn _marshaller;

    /// <param name="text">Null becomes a null pointer.</param>
    /// <param name="buffer">On the stack: nothing keeps it where it is.</param>
    public Utf8Text(string? text, Span<byte> buffer)
    {
        _marshaller = default;
        _marshaller.FromManaged(text, buffer);
    }

    /// <summary>Valid until this is disposed.</summary>
    public readonly byte* Pointer => _marshaller.ToUnmanaged();

    /// <summary>Leaves errno as it is.</summary>
    public readonly void Dispose() => _marshaller.Free();
}
