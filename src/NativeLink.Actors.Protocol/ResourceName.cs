using System.Globalization;

namespace NativeLink.Actors.Protocol;

/// <summary>How the bytes of a stream are encoded (REAPI <c>Compressor.Value</c>).</summary>
internal enum BlobCompressor
{
    Identity = 0,
    Zstd = 1,
    Deflate = 2,
    Brotli = 3,
}

/// <summary>
/// A ByteStream resource name (protos/README.md 2.1), read from the right, since an instance name
/// may itself contain <c>blobs</c> or <c>uploads</c>.
/// </summary>
/// <param name="Instance">May be empty and may contain slashes.</param>
/// <param name="UploadId">Present in names of uploads: an opaque key, a UUID by custom.</param>
/// <param name="Metadata">The trailing part that servers ignore; empty when there is none.</param>
internal sealed record ResourceName(
    string Instance, string? UploadId, BlobCompressor Compressor, Digest Digest, bool NamesFunction,
    string Metadata = "")
{
    private static readonly string[] KnownFunctions = ["sha256", "sha1", "md5", "vso", "sha384", "sha512", "murmur3",
        "sha256tree", "blake3"];

    /// <summary>Reads a name of either form, with or without a leading slash.</summary>
    /// <param name="name">For example <c>main/uploads/{uuid}/compressed-blobs/zstd/blake3/{hash}/{size}</c>.</param>
    /// <param name="upload">Whether the name has to be one of an upload.</param>
    /// <param name="defaultFunction">The function of a name that does not tell one.</param>
    /// <param name="result">What was read.</param>
    /// <param name="error">One sentence that says what is wrong; empty on success.</param>
    public static bool TryParse(
        string name, bool upload, DigestFunction defaultFunction, out ResourceName result, out string error)
    {
        result = null!;
        var parts = name.TrimStart('/').Split('/');
        // "{hash}/{size}" closes the name unless metadata follows: the right-most "blobs" that is
        // followed by a digest is the one that counts.
        for (var i = parts.Length - 1; i >= 0; i--)
        {
            if (parts[i] is not ("blobs" or "compressed-blobs"))
                continue;
            if (TryParseAt(parts, i, upload, defaultFunction, out result, out error))
                return true;
            if (error.Length > 0)
                return Fail(name, error, out error);
        }
        return Fail(name, upload
            ? "expected {instance}/uploads/{uuid}/blobs/{hash}/{size}"
            : "expected {instance}/blobs/{hash}/{size}", out error);
    }

    private static bool Fail(string name, string reason, out string error)
    {
        error = $"resource name '{name}': {reason}";
        return false;
    }

    /// <summary>
    /// REAPI's names and nothing else: numbers and lists,
    /// which enum parsing would take, name no compressor.
    /// </summary>
    private static bool TryParseCompressor(string name, out BlobCompressor compressor)
    {
        (var isKnown, compressor) = name switch
        {
            "identity" => (true, BlobCompressor.Identity),
            "zstd" => (true, BlobCompressor.Zstd),
            "deflate" => (true, BlobCompressor.Deflate),
            "brotli" => (true, BlobCompressor.Brotli),
            _ => (false, BlobCompressor.Identity),
        };
        return isKnown;
    }

    private static bool TryParseAt(
        string[] parts, int kind, bool upload, DigestFunction defaultFunction, out ResourceName result,
        out string error)
    {
        (result, error) = (null!, "");
        var at = kind + 1;
        var compressor = BlobCompressor.Identity;
        if (parts[kind] == "compressed-blobs")
        {
            if (at >= parts.Length || !TryParseCompressor(parts[at], out compressor))
                return false;
            at++;
        }
        var function = defaultFunction;
        var named = at < parts.Length && KnownFunctions.Contains(parts[at]);
        if (named)
        {
            if (parts[at] is not ("sha256" or "blake3"))
            {
                error = $"digest function '{parts[at]}' is not served; use sha256 or blake3";
                return false;
            }
            function = parts[at] == "blake3" ? DigestFunction.Blake3 : DigestFunction.Sha256;
            at++;
        }
        if (at + 1 >= parts.Length || !long.TryParse(
            parts[at + 1], NumberStyles.None, CultureInfo.InvariantCulture, out var size))
            return false;
        if (!Digest.TryParse(parts[at], size, function, out var digest))
        {
            error = $"'{parts[at]}' is not a hash of 64 hexadecimal digits";
            return false;
        }
        var instanceEnd = kind;
        string? uploadId = null;
        if (upload)
        {
            if (kind < 2 || parts[kind - 2] != "uploads" || parts[kind - 1].Length == 0)
                return false;
            (uploadId, instanceEnd) = (parts[kind - 1], kind - 2);
        }
        result = new ResourceName(string.Join('/', parts[..instanceEnd]), uploadId, compressor, digest, named,
            string.Join('/', parts[(at + 2)..]));
        return true;
    }

    /// <summary>The name as text, without a leading slash.</summary>
    public override string ToString()
    {
        var prefix = Instance.Length == 0 ? "" : Instance + "/";
        var uploads = UploadId is null ? "" : $"uploads/{UploadId}/";
        var kind = Compressor == BlobCompressor.Identity
            ? "blobs/"
            : $"compressed-blobs/{Compressor.ToString().ToLowerInvariant()}/";
        var function = NamesFunction ? Digest.Function.LowerName() + "/" : "";
        var metadata = Metadata.Length == 0 ? "" : "/" + Metadata;
        return string.Create(CultureInfo.InvariantCulture,
            $"{prefix}{uploads}{kind}{function}{Digest.Hash}/{Digest.SizeBytes}{metadata}");
    }
}
