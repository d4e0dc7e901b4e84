using System.Globalization;

namespace NativeLink.Actors.Storage.Filesystem.Layout;

/// <summary>
/// The number of a directory's layout, in a file of its own there, so that a later layout is never
/// taken for this one. A directory without one is of before there were numbers, or NativeLink's
/// own, and is read like the first.
/// </summary>
internal static class StoreFormat
{
    /// <summary>Reads the stamp, and brings an older directory up to date.</summary>
    /// <param name="stamp">The file.</param>
    /// <param name="current">The newest layout that is known.</param>
    /// <param name="what">What the directory is, as the message names it, for example
    /// <c>content_path /srv/cas</c>.</param>
    /// <exception cref="FaultException">Storage: the layout is newer, or the stamp cannot be read.</exception>
    public static void Check(string stamp, int current, string what)
    {
        try
        {
            var text = File.Exists(stamp) ? File.ReadAllText(stamp).Trim() : "0";
            // A stamp that a power cut left empty says nothing.
            if (text.Length > 0 && !(int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var format)
                && format <= current))
            {
                throw new FaultException(
                    FaultKind.Storage,
                    $"{what} has layout '{text[..Math.Min(text.Length, 20)]}', " +
                    $"and this version knows layouts up to {current}: use the version that made it, " +
                    "or another directory");
            }
            if (text != current.ToString(CultureInfo.InvariantCulture))
                File.WriteAllText(stamp, current.ToString(CultureInfo.InvariantCulture));
        }
        catch (IOException error) when (DiskFault.IsFull(error))
        {
            // Of this layout all the same; stamped when there is room.
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new FaultException(FaultKind.Storage,
                $"{what}: its layout's number {stamp} cannot be read or written: {error.Message}", error);
        }
    }
}
