namespace NativeLink.Actors.Storage;

/// <summary>
/// The modes of blobs and of input files, whatever way these are made: nobody may write to what
/// others have links to, and what an action sees does not depend on how its root was made.
/// </summary>
internal static class InputModes
{
    /// <summary>0444: a blob, and an input that is not executable.</summary>
    public const uint Plain = 0x124;

    /// <summary>0555: a blob's executable copy, and an executable input.</summary>
    public const uint Executable = 0x16D;

    public static uint Of(bool executable) => executable ? Executable : Plain;
}
