using System.Runtime.InteropServices;

namespace NativeLink.Actors.Storage.Hashing;

/// <summary>BLAKE3 by the system's libblake3 (its C API, version 1), where it is installed.</summary>
internal sealed unsafe class NativeBlake3Hasher : BlobHasher
{
    // blake3_hasher is 1,912 bytes in versions 1.x; twice that leaves room for later ones.
    private const int StateBytes = 4096;

    private static readonly delegate* unmanaged<void*, void> Init;
    private static readonly delegate* unmanaged<void*, void*, nuint, void> Update;
    private static readonly delegate* unmanaged<void*, byte*, nuint, void> Finalize3;

    private void* _state;
    private long _length;

    static NativeBlake3Hasher()
    {
        if (!NativeLibrary.TryLoad("libblake3.so.0", out var library) && !NativeLibrary.TryLoad("libblake3.so", out library))
            return;
        if (!NativeLibrary.TryGetExport(library, "blake3_hasher_init", out var init)
            || !NativeLibrary.TryGetExport(library, "blake3_hasher_update", out var update)
            || !NativeLibrary.TryGetExport(library, "blake3_hasher_finalize", out var finish))
            return;
        Init = (delegate* unmanaged<void*, void>)init;
        Update = (delegate* unmanaged<void*, void*, nuint, void>)update;
        Finalize3 = (delegate* unmanaged<void*, byte*, nuint, void>)finish;
    }

    public NativeBlake3Hasher()
    {
        _state = NativeMemory.AlignedAlloc(StateBytes, 64);
        Init(_state);
    }

    ~NativeBlake3Hasher() => Dispose(false);

    /// <summary>Whether the library is installed and has what we call.</summary>
    public static bool IsAvailable => Finalize3 is not null;

    public override void Append(ReadOnlySpan<byte> data)
    {
        ObjectDisposedException.ThrowIf(_state is null, this);
        fixed (byte* bytes = data)
            Update(_state, bytes, (nuint)data.Length);
        _length += data.Length;
    }

    public override Digest Finish()
    {
        ObjectDisposedException.ThrowIf(_state is null, this);
        var bytes = stackalloc byte[Digest.HashLength];
        Finalize3(_state, bytes, Digest.HashLength);
        Init(_state);
        var length = _length;
        _length = 0;
        return Digest.FromHash(new ReadOnlySpan<byte>(bytes, Digest.HashLength), length, DigestFunction.Blake3);
    }

    protected override void Dispose(bool disposing)
    {
        NativeMemory.AlignedFree(_state);
        _state = null;
        base.Dispose(disposing);
    }
}
