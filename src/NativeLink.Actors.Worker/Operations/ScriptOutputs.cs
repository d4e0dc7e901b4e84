namespace NativeLink.Actors.Worker.Operations;

/// <summary>Small output of a script on disk: read in part, deleted when done.</summary>
internal static class ScriptOutputs
{
    private const int MaxText = 4096;

    /// <summary>The beginning of a file as text, trimmed; empty when there is none.</summary>
    public static string Text(string? path)
    {
        try
        {
            if (path is null || !File.Exists(path))
                return "";
            using var file = File.OpenRead(path);
            var buffer = new byte[MaxText];
            var read = file.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
            return System.Text.Encoding.UTF8.GetString(buffer, 0, read).Trim();
        }
        catch (IOException)
        {
            return "";
        }
    }

    public static void Delete(string? path)
    {
        try
        {
            if (path is not null)
                File.Delete(path);
        }
        catch (IOException)
        {
            // A scratch file is removed with the work directory at the next start.
        }
    }
}
