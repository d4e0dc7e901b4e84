namespace NativeLink.Actors.Protocol;

/// <summary>
/// The digest functions that NativeLink serves; the numbers are those of
/// <c>DigestFunction.Value</c> (REAPI).
/// </summary>
public enum DigestFunction
{
    /// <summary>SHA-256, also what a request means that names no function.</summary>
    Sha256 = 1,
    /// <summary>BLAKE3 with 32 bytes of output, without a key.</summary>
    Blake3 = 9,
}

internal static class DigestFunctions
{
    /// <summary>
    /// Reads a wire value; UNKNOWN (0) means <paramref name="whenUnknown"/>.
    /// False for a function that is not served.
    /// </summary>
    public static bool TryFromWire(
        Reapi.DigestFunction.Types.Value value, out DigestFunction function,
        DigestFunction whenUnknown = DigestFunction.Sha256)
    {
        function = value switch
        {
            Reapi.DigestFunction.Types.Value.Unknown => whenUnknown,
            Reapi.DigestFunction.Types.Value.Sha256 => DigestFunction.Sha256,
            Reapi.DigestFunction.Types.Value.Blake3 => DigestFunction.Blake3,
            _ => 0,
        };
        return function != 0;
    }

    public static Reapi.DigestFunction.Types.Value ToWire(this DigestFunction function) =>
        (Reapi.DigestFunction.Types.Value)(int)function;

    /// <summary>
    /// The lower-case name used in resource names and
    /// message templates: <c>sha256</c> or <c>blake3</c>.
    /// </summary>
    public static string LowerName(this DigestFunction function) =>
        function == DigestFunction.Blake3 ? "blake3" : "sha256";
}
