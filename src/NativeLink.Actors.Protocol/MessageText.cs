namespace NativeLink.Actors.Protocol;

/// <summary>How messages show durations, and parts of long names: half of a surrogate pair is no text.</summary>
internal static class MessageText
{
    /// <summary>A duration in seconds, to the millisecond.</summary>
    public static string Seconds(TimeSpan time) => FormattableString.Invariant($"{time.TotalSeconds:0.###} s");

    /// <summary>The beginning, at most so many UTF-16 units.</summary>
    public static string Head(string text, int length) =>
        text.Length <= length ? text : text[..(char.IsHighSurrogate(text[length - 1]) ? length - 1 : length)];

    /// <summary>The end, at most so many UTF-16 units.</summary>
    public static string Tail(string text, int length) =>
        text.Length <= length
            ? text
            : text[(char.IsLowSurrogate(text[^length]) ? text.Length - length + 1 : text.Length - length)..];
}
