using Newtonsoft.Json;
using Newtonsoft.Json.Linq;

namespace NativeLink.Actors.Worker.Operations;

/// <summary>
/// What a wrapper around the command said in its side-channel file (protos/README.md 4.4): JSON5,
/// <c>{"failure": "timeout"}</c> or nothing.
/// </summary>
internal static class SideChannel
{
    private const int MaxBytes = 64 << 10;

    /// <summary>True when the wrapper said that the action timed out; false when it said nothing.</summary>
    /// <exception cref="FaultException">Worker: the file is empty, too large, or says something else.</exception>
    public static bool SaysTimeout(string path)
    {
        var file = new FileInfo(path);
        if (file.LinkTarget is not null)
            throw Invalid("is a symlink");
        if (!file.Exists)
            return false;
        if (file.Length is 0 or > MaxBytes)
            throw Invalid($"has {file.Length} bytes");
        try
        {
            using var reader = new JsonTextReader(new StringReader(File.ReadAllText(path)));
            var failure = (JToken.ReadFrom(reader) as JObject)?["failure"];
            if (failure is { Type: JTokenType.String } && (string?)failure == "timeout")
                return true;
        }
        catch (Exception error) when (error is JsonException or IOException or UnauthorizedAccessException)
        {
            throw Invalid($"cannot be read: {error.Message}");
        }
        throw Invalid("""does not say {"failure": "timeout"}""");
    }

    private static FaultException Invalid(string reason) =>
        new(FaultKind.Worker,
            $"the side-channel file written by the action's wrapper {reason}; expected {{\"failure\": " +
            $"\"timeout\"}} or no file");
}
