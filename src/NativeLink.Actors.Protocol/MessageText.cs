namespace NativeLink.Actors.Protocol;

/// <summary>
/// Parts of long names for messages: half of a surrogate
/// pair is no text and no message may carry it.
/// </summary>
internal static class MessageText
{
    /// <summary>The beginning, at most so many UTF-16 units.</summary>
    public static string Head(string text, int length) =>
        text.Length <= length ? text : text[..(char.IsHighSurrogate(text[length - 1]) ? length - 1 : length)];

    /// <summary>The end, at most so many UTF-16 units.</summary>
    public static string Tail(string text, int length) =>
        text.Length <= length
            ? text
            : text[(char.IsLowSurrogate(text[^length]) ? text.Length - length + 1 : text.Length - length)..];
}
